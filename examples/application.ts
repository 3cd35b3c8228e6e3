import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

/** An application at HOST:PORT that answers every request, or greets every connection (`tcp`), with its name. */
const [name = 'application', address = '127.0.0.1:8080', protocol = 'http'] = process.argv.slice(2);
const [host = '127.0.0.1', port] = address.split(':');

const server =
  protocol === 'tcp'
    ? createTcpServer(socket => {
        socket.on('error', () => {});
        socket.write(`${name}\n`);
        socket.pipe(socket);
      })
    : createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
        response.setHeader('x-served-by', name);
        response.end(`${name} ${request.method} ${request.url}\n`);
      });
server.listen(Number(port), host, () => process.stdout.write('listening\n'));
// An example that runs it is gone.
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());
