/** Small helpers over the DOM. Text always goes in as text, never as markup. */

/** An HTML element with attributes and children; a string child becomes text. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Calls `draw(width)` now and whenever the width of the element changes. */
export function onWidth(node, draw) {
  let last = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width < 1 || width === last) return;
    last = width;
    draw(width);
  }).observe(node);
}

/** Puts the tip beside a point of its parent, inside the parent's width. */
export function placeTip(tip, x, width) {
  tip.hidden = false;
  const own = tip.offsetWidth;
  const beside = x + 14 + own <= width ? x + 14 : x - 14 - own;
  tip.style.left = `${Math.max(0, Math.min(width - own, beside))}px`;
}

/** A `details` with a table that is only built when it is opened (or printed). `rows` starts with the header. */
export function tableOf(summary, rows) {
  const details = element('details', { class: 'data' }, element('summary', {}, summary));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(buildTable(summary, rows()));
  });
  return details;
}

function buildTable(summary, [header, ...rows]) {
  const cells = (row) => row.map((cell, i) => element(i === 0 ? 'th' : 'td', i === 0 ? { scope: 'row' } : {}, cell));
  return element(
    'div',
    { class: 'wide', tabindex: 0, role: 'region', 'aria-label': summary },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...header.map((cell) => element('th', { scope: 'col' }, cell)))),
      element('tbody', {}, ...rows.map((row) => element('tr', {}, ...cells(row)))),
    ),
  );
}
