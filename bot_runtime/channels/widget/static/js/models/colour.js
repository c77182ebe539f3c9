/** Text that can be read on an account's colour (WCAG 1.4.3): white, or black where black has more contrast. One of them always
 * has 4.58:1. Null when it is no colour. */
export function onColour(colour) {
  if (!/^#[0-9a-f]{6}$/i.test(colour)) return null;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
