export async function limit<T>(work: () => Promise<T>): Promise<T> {
  return work()
}
