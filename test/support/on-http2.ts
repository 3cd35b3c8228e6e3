/** Imported before tests, it has them run their servers, also those of child processes, on the transport over node:http2. */
process.env.TEST_XDS_TRANSPORT = 'http2';
