import { Gauge, type Registry } from 'prom-client';

/** A gauge without labels that is read when metrics are asked for. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name: `switchyard_${name}`,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
