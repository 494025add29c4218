// Half-open media intervals [from, to) in seconds, as sorted lists without overlap. Pure functions.

/** The union of lists of intervals, sorted, touching ones joined. */
export function union(...lists) {
  const sorted = lists
    .flat()
    .filter(([from, to]) => to > from)
    .sort((a, b) => a[0] - b[0]);
  const joined = [];
  for (const [from, to] of sorted) {
    const last = joined[joined.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** What of `list` is not in `taken`. */
export function subtract(list, taken) {
  let rest = union(list);
  for (const [from, to] of taken) {
    rest = rest.flatMap(([start, end]) => {
      if (to <= start || from >= end) return [[start, end]];
      return [
        [start, from],
        [to, end],
      ].filter(([a, b]) => b > a);
    });
  }
  return rest;
}

/** Total length in seconds. */
export function lengthOf(list) {
  return list.reduce((sum, [from, to]) => sum + (to - from), 0);
}
