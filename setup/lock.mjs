import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupFailure } from './failure.mjs';

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string} host
 * @property {string} started the process's start as the kernel counts it, so that a reused pid is not taken for it
 * @property {string} token unique to one holding of the lock
 */

/**
 * Runs `work` while holding a lock that processes on this machine share. A lock whose process has ended is taken over.
 *
 * @template T
 * @param {string} path the lock; its folder is made when missing
 * @param {{ readonly onWait?: (pid: number) => void, readonly pollMs?: number }} options `onWait` is called once per
 *   other process that is waited for
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, options, work) {
  mkdirSync(dirname(path), { recursive: true });
  const owner = { pid: process.pid, host: hostname(), started: startOf(process.pid), token: randomToken() };
  let waitedFor = 0;
  while (true) {
    const holder = readOwner(path);
    if (holder === undefined) {
      if (tryAcquire(path, owner)) break;
      continue;
    }
    if (isGone(holder)) {
      breakStale(path, holder);
      continue;
    }
    if (holder.host !== owner.host) {
      throw new SetupFailure(
        `Another machine (${holder.host}, process ${holder.pid}) is setting up this folder: wait for it, or remove ${path} if it has ended.`,
      );
    }
    if (waitedFor !== holder.pid) {
      waitedFor = holder.pid;
      options.onWait?.(holder.pid);
    }
    await sleep(options.pollMs ?? 200);
  }
  try {
    return await work();
  } finally {
    remove(path, owner.token);
  }
}

function randomToken() {
  return randomBytes(8).toString('hex');
}

/**
 * The lock is a folder that appears together with its owner's name: a rename onto a folder that is not empty fails.
 *
 * @param {string} path
 * @param {Owner} owner
 */
function tryAcquire(path, owner) {
  const own = mkdtempSync(`${path}.by-`);
  writeFileSync(join(own, 'owner.json'), JSON.stringify(owner));
  try {
    renameSync(own, path);
    return true;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    const code = codeOf(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {Owner | undefined}
 */
function readOwner(path) {
  try {
    return JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    // Not ours or cut short by a full disk: nobody can be behind it.
    if (error instanceof SyntaxError) return { pid: 0, host: hostname(), started: '', token: 'unreadable' };
    throw error;
  }
}

/** @param {Owner} owner */
function isGone(owner) {
  if (owner.host !== hostname()) return false;
  if (owner.pid <= 0) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return true;
  }
  return startOf(owner.pid) !== owner.started;
}

/**
 * Removes a dead owner's lock. Only one process may do so per holding, else the second could remove the lock that the
 * first has taken meanwhile.
 *
 * @param {string} path
 * @param {Owner} holder
 */
function breakStale(path, holder) {
  const claim = `${path}.break-${holder.token}`;
  try {
    mkdirSync(claim);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const age = Date.now() - (statSync(claim, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 10_000) rmSync(claim, { recursive: true, force: true });
    return;
  }
  if (readOwner(path)?.token === holder.token) remove(path, holder.token);
  rmSync(claim, { recursive: true, force: true });
}

/**
 * Moved away first: emptying it in place would let another's rename onto it succeed, and then be emptied as well.
 *
 * @param {string} path
 * @param {string} token
 */
function remove(path, token) {
  const away = `${path}.gone-${token}`;
  renameSync(path, away);
  rmSync(away, { recursive: true, force: true });
}

/**
 * @param {number} pid
 * @returns {string} empty where the system does not tell
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold blanks: fields are counted after its end; the start is the 22nd of all.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/**
 * @param {unknown} error
 * @returns {unknown}
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
