/** Puts something in as the newest. What was put in longest ago is forgotten, where there would be more than `most`. */
export function remember<K, V>(known: Map<K, V>, key: K, value: V, most: number): void {
  known.delete(key);
  known.set(key, value);
  const [oldest] = known.keys();
  if (known.size > most && oldest !== undefined) known.delete(oldest);
}
