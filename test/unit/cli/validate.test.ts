import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { problemReply } from '../../../src/admin/api.ts';
import { problem } from '../../../src/base/problem.ts';
import type { CliHost } from '../../../src/cli/host.ts';
import { CliFailure } from '../../../src/cli/output.ts';
import { githubText, sarifText } from '../../../src/cli/problem-formats.ts';
import { runCommand } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { runHere } from './here.ts';

/** A host that reads this golden policy, whatever the path. */
function reading(name: string): Partial<CliHost> {
  const text = readFileSync(join(import.meta.dirname, 'golden', name), 'utf8');
  const documents = [{ file: `policy/${name}`, format: 'yaml', text }] as const;
  return { readDocuments: async () => ({ documents, problems: [] }), preflight: async () => [] };
}

describe('problems for other programs', () => {
  const source = { file: 'a, b.yaml', line: 3, column: 4 };
  const found = problemReply({ ...problem('route.shadowed_rule', ['routes', 'x'], '100% of\nit', 'move it'), source });

  it('workflow commands keep what they quote', () => {
    assert.equal(
      githubText([found]),
      '::warning file=a%2C b.yaml,line=3,col=4,title=route.shadowed_rule::100%25 of it%0Aroutes.x: move it\n',
    );
    const bare = problemReply(problem('store.unwritable', [], 'full'));
    assert.equal(githubText([bare]), '::error title=store.unwritable::full\n');
  });

  it('SARIF names each code once, and places by relative URIs', () => {
    const { version, runs } = JSON.parse(
      sarifText('1.2.3', [found, found, problemReply(problem('store.unwritable', [], 'full'))]),
    );
    const [{ tool, results }] = runs;
    assert.equal(version, '2.1.0');
    assert.deepEqual(tool.driver.rules, [{ id: 'route.shadowed_rule' }, { id: 'store.unwritable' }]);
    assert.deepEqual(
      results.map((each: { ruleIndex: number; level: string }) => [each.ruleIndex, each.level]),
      [
        [0, 'warning'],
        [0, 'warning'],
        [1, 'error'],
      ],
    );
    assert.deepEqual(results[0].locations, [
      {
        physicalLocation: {
          artifactLocation: { uri: 'a%2C%20b.yaml' },
          region: { startLine: 3, startColumn: 4 },
        },
        logicalLocations: [{ fullyQualifiedName: 'routes.x' }],
      },
    ]);
    assert.deepEqual(results[2].locations, [{}]);
  });

  it('are what validate prints, with its exit codes', async () => {
    const { code, out } = await runHere(['analyze', '-o', 'github'], reading('warning.yaml'));
    assert.equal(code, 2);
    assert.match(out, /^::warning file=policy\/warning\.yaml,line=\d+,col=\d+,title=/);
    assert.equal((await runHere(['validate', '--allow-warnings'], reading('warning.yaml'))).code, 0);
    const refused = await runHere(['validate', '--allow-warnings', '-o', 'sarif'], reading('dangling.yaml'));
    assert.equal(refused.code, 1);
    assert.equal(JSON.parse(refused.out).runs[0].results.length, 2);
    assert.equal((await runHere(['validate', '-o', 'sarif'], reading('good.yaml'))).code, 0);
    const names = await runHere(['validate', '-o', 'name'], reading('good.yaml'));
    assert.deepEqual(names, { code: 0, out: 'edge\ninner\n', err: '' });
  });
});

describe('switchyard validate --envoy', () => {
  it('asks about every fleet, and places what it is told', async () => {
    const asked: [string, object][] = [];
    const host = {
      ...reading('good.yaml'),
      envoyRefusal: async (binary: string, config: object) => {
        asked.push([binary, config]);
        return asked.length === 1 ? "cluster catalog: 'no such thing' is not known" : undefined;
      },
    };
    const { code, out } = await runHere(['validate', '--envoy'], host);
    assert.equal(code, 1);
    assert.match(
      out,
      /^policy\/good\.yaml:(\d+):\d+: error: Envoy refuses what fleet "edge" would hold: cluster catalog: 'no such thing' is not known \[envoy\.refused\]\n {4}services\.catalog: .*translate.*\nrefused: 1 error, 0 warnings\n$/,
    );
    assert.deepEqual(
      asked.map(([binary]) => binary),
      ['envoy', 'envoy'],
    );
    const { static_resources: held } = asked[0]![1] as { static_resources: Record<string, readonly unknown[]> };
    assert.ok((held['clusters']?.length ?? 0) > 0 && (held['listeners']?.length ?? 0) > 0);
  });

  it('names the fleet where Envoy names nothing of it', async () => {
    const host = { ...reading('good.yaml'), envoyRefusal: async () => 'it ended with SIGSEGV' };
    const { out } = await runHere(['validate', '--envoy', '/opt/envoy', '-o', 'json'], host);
    const { problems } = JSON.parse(out);
    assert.deepEqual(
      problems.map((each: { path: string }) => each.path),
      ['fleets.edge', 'fleets.inner'],
    );
    assert.equal(problems[0].file, 'policy/good.yaml');
  });

  it('is not asked about what is refused already, and may be missing', async () => {
    assert.equal((await runHere(['validate', '--envoy'], reading('dangling.yaml'))).code, 1);
    const host = { ...reading('good.yaml'), envoyRefusal: () => Promise.reject(new CliFailure('cannot run envoy')) };
    const { code, err } = await runHere(['validate', '--envoy'], host);
    assert.deepEqual([code, err], [1, 'error: cannot run envoy\n']);
  });
});

describe('switchyard validate, of a policy with variables', () => {
  const text = readFileSync(new URL('golden/good.yaml', import.meta.url), 'utf8');
  const run = async (env: Readonly<Record<string, string>>, ...more: readonly string[]) => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'switchyard.yaml'), text.replace(/port: 80\b/, 'port: "${PORT:-8080}"'));
    return runCommand(['validate', ...more], { cwd, env });
  };

  it('shows what was put in', async () => {
    const { code, out } = await run({ PORT: '9000' });
    assert.equal(code, 0, out);
    assert.match(out, /^\.\/switchyard\.yaml:\d+:\d+: \$\{PORT:-8080\} is 9000\ngood: /);
    const { substitutions } = JSON.parse((await run({}, '-o', 'json')).out);
    assert.deepEqual([substitutions[0].written, substitutions[0].value], ['${PORT:-8080}', 8080]);
  });

  it('says what is wrong with a value', async () => {
    const { code, out } = await run({ PORT: 'http' });
    assert.equal(code, 1);
    assert.match(
      out,
      /error: \$\{PORT:-8080\} is "http", and a whole number should stand here \[environment\.wrong_type\]/,
    );
    assert.match((await run({ PORT: '0' })).out, /from \$\{PORT:-8080\} \[schema\.invalid_value\]/);
  });
});
