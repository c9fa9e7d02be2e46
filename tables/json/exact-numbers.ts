/** Numbers of JSON that JavaScript rounds to another, such as 9007199254740993 and 1e999: only the text still says which they are. */

const quote = 34;
const minus = 45;
const backslash = 92;

/** Whether others become the same number: it is whole, and past the safe integers. */
export function isRounded(value: number): boolean {
  return !Number.isSafeInteger(value) && Math.trunc(value) === value;
}

/** `json`, which is valid, with each of these numbers as a text. One pass. */
export function withExactNumbers(json: string): string {
  let exact = '';
  let copied = 0;
  let at = 0;
  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === quote) at = stringEnd(json, at + 1);
    else if (code === minus || (code >= 48 && code <= 57)) {
      const end = numberEnd(json, at);
      const number = json.slice(at, end);
      if (isRounded(Number(number))) {
        exact += `${json.slice(copied, at)}"${number}"`;
        copied = end;
      }
      at = end;
    } else at++;
  }
  return exact + json.slice(copied);
}

/** Behind the closing quote. */
function stringEnd(json: string, from: number): number {
  let at = from;
  while (at < json.length && json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1;
  return at + 1;
}

function numberEnd(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && '0123456789.eE+-'.includes(json.charAt(at))) at++;
  return at;
}
