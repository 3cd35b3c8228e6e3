import { MemoryStore } from '../../../src/store/memory.ts';
import { storeContract } from '../../support/store-contract.ts';

storeContract('memory', () => new MemoryStore({ retention: { revisions: 3, publications: 4 } }));
