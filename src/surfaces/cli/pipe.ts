/** For an error of the standard output: who reads us may have seen enough (`| head`), and that is no error of ours. */
export function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
