import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { switchyardProgram } from '../../../src/cli/program.ts';
import { hostOf } from './here.ts';

const text = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8');

/** The text below a heading, up to the next one. */
function section(heading: string): string {
  const from = text.indexOf(`\n## ${heading}\n`);
  assert.ok(from >= 0, `docs/reference/cli.md has no section "${heading}"`);
  const to = text.indexOf('\n## ', from + 1);
  return text.slice(from, to < 0 ? undefined : to);
}

/** Commands that do something, with their whole names. */
function leaves(command: Command, name: string): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[name, command]];
  return command.commands.flatMap(each => leaves(each, `${name} ${each.name()}`));
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
      assert.ok(flags.length > 0);
      const explained = callsServer ? own + shared : own;
      for (const flag of flags) assert.match(explained, new RegExp(`${flag}\\b`), `${flag} is not explained`);
      const named = [...own.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag);
      const elsewhere = /drain|maintenance|canary weights|quarantine release/.test(name) ? ['--wait'] : [];
      for (const flag of named) assert.ok([...flags, ...elsewhere].includes(flag), `${flag} is no flag of ${name}`);
      for (const argument of command.registeredArguments) {
        if (!argument.required) continue;
        for (const word of argument.name().split('/')) assert.match(own, new RegExp(`\\b${word.toUpperCase()}\\b`));
      }
    });
  }

  it('has the environment variable of every setting', () => {
    const settings = section('Settings');
    const named = commands.find(([name]) => name === 'switchyard serve')?.[1].options ?? [];
    for (const { long } of [...named, { long: '--token' }]) {
      const variable = `SWITCHYARD_${long?.slice(2).replaceAll('-', '_').toUpperCase()}`;
      assert.ok(settings.includes(`| \`${long}\` | \`${variable}\` |`), `${long} and ${variable}`);
    }
  });
});
