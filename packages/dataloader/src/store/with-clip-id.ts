/** Does something with a clip; the clip's id then stands in its errors. */
export async function withClipId<A>(id: string, work: () => Promise<A>): Promise<A> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && !error.message.includes(id)) error.message = `clip ${id}: ${error.message}`;
    throw error;
  }
}
