import { testedEnvoy } from '../../base/tested-envoy.ts';
import type { EnvoyFacts, InstallationFacts, SettingsFacts } from '../machine.ts';
import { error, type Finding, ok, skipped, warning } from './finding.ts';

export function installationFindings({ node, envoy }: InstallationFacts, settings: SettingsFacts): readonly Finding[] {
  const { version, wanted, good } = node;
  return [
    good
      ? ok('installation.node', `Node ${version}`)
      : error('installation.node', `Node ${version} is none that Switchyard runs on`, `install Node ${wanted}`),
    ...settingsFindings(settings),
    envoyFinding(envoy),
  ];
}

function settingsFindings({ mistakes, warnings }: SettingsFacts): readonly Finding[] {
  const found = [
    ...mistakes.map(each => error('installation.settings', each, 'mend the flag or the variable that it names')),
    ...warnings.map(each => warning('installation.settings', each, 'rename the variable, or remove it')),
  ];
  return found.length > 0
    ? found
    : [ok('installation.settings', 'flags and environment are such that a server starts')];
}

function envoyFinding({ file, version, why, named }: EnvoyFacts): Finding {
  const id = 'installation.envoy';
  if (version === undefined) {
    if (!named) return skipped(id, `no Envoy was found here as "${file}"; name one with --envoy`);
    return error(
      id,
      `${file} is no Envoy that runs: ${why ?? 'it does not say its version'}`,
      'name another with --envoy',
    );
  }
  if (isOlder(version, testedEnvoy)) {
    const message = `Envoy ${version} (${file}) is older than ${testedEnvoy}, with which Switchyard is tested`;
    return warning(id, message, `install Envoy ${testedEnvoy} or newer`);
  }
  return ok(id, `Envoy ${version} (${file})`);
}

/** By minor versions: `1.39.2` is older than `1.40`. */
export function isOlder(version: string, than: string): boolean {
  const [[major = 0, minor = 0], [otherMajor = 0, otherMinor = 0]] = [version, than].map(text =>
    text.split('.').map(Number),
  ) as [number[], number[]];
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
