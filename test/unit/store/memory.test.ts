import { MemoryStore } from '../../../src/store/memory.ts';
import { storeContract } from '../../support/store-contract.ts';

storeContract('memory', () => new MemoryStore({ keepRevisions: 3 }));
