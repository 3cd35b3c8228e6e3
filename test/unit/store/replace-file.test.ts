import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { removeUnfinished, replaceFile } from '../../../src/store/replace-file.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root gives files away' };
const nobody = 65_534;

/** What is to be written, and a folder that has one of its name. */
function here() {
  const folder = temporaryDirectory();
  const file = join(folder, 'a.key');
  writeFileSync(file, 'old', { mode: 0o644 });
  return { folder, file };
}

describe('putting a content in the place of a file', () => {
  it('leaves what is beside it alone, whatever its name, and nothing of its own', () => {
    const { folder, file } = here();
    writeFileSync(`${file}.new`, 'of the user');
    replaceFile(file, 'new');
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.equal(readFileSync(`${file}.new`, 'utf8'), 'of the user');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).sort(), ['a.key', 'a.key.new']);
  });

  it('leaves nothing half written where it fails, and the old one', () => {
    const { folder } = here();
    mkdirSync(join(folder, 'full', 'of'), { recursive: true });
    assert.throws(() => replaceFile(join(folder, 'full'), 'new'), { syscall: 'rename' });
    assert.throws(() => replaceFile(join(folder, 'nowhere', 'a.key'), 'new'), { code: 'ENOENT' });
    assert.deepEqual(readdirSync(folder).sort(), ['a.key', 'full']);
    assert.deepEqual(readdirSync(join(folder, 'full')), ['of']);
  });

  it('takes names as long as the file system has them', () => {
    const file = join(temporaryDirectory(), 'x'.repeat(255));
    replaceFile(file, 'new');
    assert.equal(readFileSync(file, 'utf8'), 'new');
  });

  it('keeps its owner where that is asked for', asRoot, () => {
    const { file } = here();
    chownSync(file, nobody, nobody);
    replaceFile(file, 'new', { keepOwner: true, mode: 0o640 });
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual([uid, gid, mode & 0o777], [nobody, nobody, 0o640]);
    replaceFile(file, 'newer');
    assert.equal(statSync(file).uid, 0);
  });

  it('does not hand it to whoever has put a file where everybody may, nor to the owner behind a link', asRoot, () => {
    const { folder, file } = here();
    chownSync(file, nobody, nobody);
    const link = join(folder, 'link');
    symlinkSync(file, link);
    replaceFile(link, 'new', { keepOwner: true });
    assert.equal(statSync(link).uid, 0);
    assert.equal(readFileSync(file, 'utf8'), 'old');
    chmodSync(folder, 0o1777);
    replaceFile(file, 'new', { keepOwner: true });
    assert.equal(statSync(file).uid, 0);
  });

  it('goes on as a user who may not give it away', asRoot, t => {
    const { folder, file } = here();
    chownSync(folder, nobody, nobody);
    chmodSync(join(folder, '..'), 0o711);
    t.after(() => process.seteuid?.(0));
    process.seteuid?.(nobody);
    replaceFile(file, 'new', { keepOwner: true });
    process.seteuid?.(0);
    assert.equal(readFileSync(file, 'utf8'), 'new');
    assert.equal(statSync(file).uid, nobody);
  });

  it('knows what kills have left', () => {
    const { folder } = here();
    for (const name of [
      '.switchyard-0123456789abcdef.new',
      'mine.new',
      '.switchyard',
      '.switchyard-0123456789abcdef',
    ]) {
      writeFileSync(join(folder, name), '');
    }
    removeUnfinished(folder);
    assert.deepEqual(readdirSync(folder).sort(), ['.switchyard', '.switchyard-0123456789abcdef', 'a.key', 'mine.new']);
    removeUnfinished(join(folder, 'nowhere'));
  });
});
