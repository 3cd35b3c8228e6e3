import '../support/on-http2.ts';
import '../fuzz/http2.test.ts';
import '../fuzz/crowds.test.ts';
