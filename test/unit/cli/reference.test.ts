import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { switchyardProgram } from '../../../src/cli/program.ts';
import { hostOf } from './here.ts';
import { leaves } from './program-walk.ts';

const text = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8');

/** The text below a heading, up to the next one. */
function section(heading: string): string {
  const from = text.indexOf(`\n## ${heading}\n`);
  assert.ok(from >= 0, `docs/reference/cli.md has no section "${heading}"`);
  const to = text.indexOf('\n## ', from + 1);
  return text.slice(from, to < 0 ? undefined : to);
}

const commands = leaves(switchyardProgram(hostOf({})), 'switchyard');
const shared = section('Commands that need a server');

describe('docs/reference/cli.md', () => {
  it('has every command, and none that there is not', () => {
    const documented = [...text.matchAll(/^## (switchyard .+)$/gm)].map(match => match[1]).sort();
    assert.deepEqual(documented, commands.map(([name]) => name).sort());
  });

  for (const [name, command] of commands) {
    it(`${name}: has every flag, and none that there is not`, () => {
      const own = section(name);
      const callsServer = command.options.some(option => option.long === '--token');
      const flags = command.options.flatMap(option => option.long ?? []);
      const explained = callsServer ? own + shared : own;
      for (const flag of flags) assert.match(explained, new RegExp(`${flag}\\b`), `${flag} is not explained`);
      const named = [...own.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag);
      for (const flag of named) assert.ok(flags.includes(flag), `${flag} is no flag of ${name}`);
      for (const alias of command.aliases()) assert.ok(own.includes(`\`${alias}\``), `${alias} is not said`);
      for (const argument of command.registeredArguments) {
        if (!argument.required) continue;
        for (const word of argument.name().split('/')) assert.match(own, new RegExp(`\\b${word.toUpperCase()}\\b`));
      }
    });
  }

  it('lists every command at its head, and whether it needs a server', () => {
    const rows = [...text.matchAll(/^\| \[`(.+)`\]\(#(.+)\) \| .+ \| (.+) \|$/gm)];
    assert.deepEqual(rows.map(([, name]) => `switchyard ${name}`).sort(), commands.map(([name]) => name).sort());
    for (const [, short, anchor, server] of rows) {
      const name = `switchyard ${short}`;
      assert.equal(anchor, name.replaceAll(' ', '-'));
      const calls = commands.find(([each]) => each === name)?.[1].options.some(option => option.long === '--token');
      if (server !== 'is one') assert.equal(server?.startsWith('yes'), calls, name);
    }
  });

  it('has the environment variable of every setting', () => {
    const settings = section('Settings');
    const named = commands.find(([name]) => name === 'switchyard serve')?.[1].options ?? [];
    for (const { long } of [...named, { long: '--token' }]) {
      const variable = `SWITCHYARD_${long?.slice(2).replaceAll('-', '_').toUpperCase()}`;
      assert.ok(settings.includes(`| \`${long}\` | \`${variable}\` |`), `${long} and ${variable}`);
    }
  });
});
