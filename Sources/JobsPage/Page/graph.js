// The layout of a workflow's graph: where its steps are, and the lines between them. It touches no document.

const cardHeight = 66;
/** Widths and gaps shrink to the smaller ones where the page has no more space. */
const cardWidths = [176, 216];
const columnGaps = [40, 60];
const rowGap = 22;
/** The height of a line that passes a column. */
const passHeight = 14;
const orderingPasses = 8;
const maxLanes = 8;

/** The column of each step: one after the last of those that it needs. */
function columnsOf(needs) {
  const columns = new Map();
  const column = (name) => {
    if (!columns.has(name)) {
      columns.set(name, 0);
      columns.set(name, Math.max(0, ...needs.get(name).map((other) => column(other) + 1)));
    }
    return columns.get(name);
  };
  for (const name of needs.keys()) column(name);
  return columns;
}

/**
 * Places the steps in columns from left to right (Sugiyama, Tagawa and Toda 1981).
 *
 * A line that passes columns has a place in each of them, so that it crosses no step. The lines from one
 * step share these places. Returns `{ boxes, lines, width, height }`: boxes by name, and lines as paths.
 */
function layoutColumns(needs, space) {
  const columnByName = columnsOf(needs);
  const number = Math.max(0, ...columnByName.values()) + 1;
  const share = space / number;
  const fit = ([least, most], wanted) => Math.round(Math.min(most, Math.max(least, wanted)));
  const cardWidth = fit(cardWidths, share * 0.78);
  const pitch = cardWidth + fit(columnGaps, number > 1 ? (space - number * cardWidth) / (number - 1) : 0);
  const columns = Array.from({ length: number }, () => []);
  const place = (column, name, height) => {
    const node = { name, column, height, before: [], after: [], center: 0 };
    columns[column].push(node);
    return node;
  };
  const nodes = new Map();
  for (const [name, column] of columnByName) nodes.set(name, place(column, name, cardHeight));
  const passes = new Map();
  /** The node from which a line reaches `column`: the step, or its last pass before. */
  const exit = (source, column) => {
    if (column === source.column + 1) return source;
    const key = `${source.name} ${column - 1}`;
    if (!passes.has(key)) {
      const before = exit(source, column - 1);
      const pass = place(column - 1, null, passHeight);
      join(before, pass);
      passes.set(key, Object.assign(pass, { source }));
    }
    return passes.get(key);
  };
  const join = (from, to) => {
    from.after.push(to);
    to.before.push(from);
  };
  for (const [name, others] of needs) {
    const target = nodes.get(name);
    for (const other of others) join(exit(nodes.get(other), target.column), target);
  }
  order(columns);
  for (let pass = 0; pass < orderingPasses; pass++) {
    for (const column of pass % 2 ? [...columns].reverse() : columns) {
      settle(column, pass % 2 ? "after" : "before");
    }
  }
  const all = columns.flat();
  const top = Math.min(...all.map(({ center, height }) => center - height / 2));
  const left = (column) => column * pitch;
  const boxes = new Map();
  for (const node of all) {
    node.center -= top;
    if (node.name === null) continue;
    boxes.set(node.name,
      { x: left(node.column), y: node.center - cardHeight / 2, width: cardWidth, height: cardHeight });
  }
  const lines = [];
  for (const from of all) {
    for (const to of from.after) {
      const [x, end, y] = [left(from.column) + cardWidth, left(to.column), to.center];
      const middle = (x + end) / 2;
      const through = to.name === null ? `H${end + cardWidth}` : `m-5-4 5 4-5 4`;
      const source = from.source ?? from;
      lines.push({
        from: source.name, to: to.name ?? null,
        path: `M${x} ${from.center}C${middle} ${from.center} ${middle} ${y} ${end} ${y}${through}`,
      });
    }
  }
  return {
    boxes, lines, width: left(number - 1) + cardWidth,
    height: Math.max(0, ...all.map(({ center, height }) => center + height / 2)),
  };
}

/** Orders each column by the mean place of its neighbours, and keeps the order with fewest crossings. */
function order(columns) {
  const number = () => { for (const column of columns) column.forEach((node, at) => { node.at = at; }); };
  const mean = (nodes, otherwise) =>
    (nodes.length ? nodes.reduce((sum, { at }) => sum + at, 0) / nodes.length : otherwise);
  number();
  let best = { crossings: crossingsOf(columns), columns: columns.map((column) => [...column]) };
  for (let pass = 0; pass < orderingPasses && best.crossings > 0; pass++) {
    const side = pass % 2 ? "after" : "before";
    for (const column of pass % 2 ? [...columns].reverse() : columns) {
      const keys = new Map(column.map((node) => [node, mean(node[side], node.at)]));
      column.sort((one, other) => keys.get(one) - keys.get(other));
      column.forEach((node, at) => { node.at = at; });
    }
    const crossings = crossingsOf(columns);
    if (crossings < best.crossings) best = { crossings, columns: columns.map((column) => [...column]) };
  }
  best.columns.forEach((column, index) => { columns[index] = column; });
  number();
}

function crossingsOf(columns) {
  let number = 0;
  for (const column of columns) {
    const lines = column.flatMap((node) => node.after.map((next) => [node.at, next.at]));
    lines.forEach(([from, to], index) => {
      for (const [otherFrom, otherTo] of lines.slice(index + 1)) {
        if ((from - otherFrom) * (to - otherTo) < 0) number++;
      }
    });
  }
  return number;
}

/** Moves the nodes of a column towards their neighbours on one side, and keeps their order and gaps. */
function settle(column, side) {
  const wanted = column.map((node) => (node[side].length
    ? node[side].reduce((sum, { center }) => sum + center, 0) / node[side].length : node.center));
  let bottom = -Infinity;
  let drift = 0;
  column.forEach((node, index) => {
    node.center = Math.max(wanted[index], bottom + node.height / 2);
    drift += node.center - wanted[index];
    bottom = node.center + node.height / 2 + rowGap;
  });
  for (const node of column) node.center -= drift / column.length;
}

/** Places the steps in rows for a narrow page, with lines in lanes on their left. */
function layoutRows(needs, width) {
  const columns = columnsOf(needs);
  const names = [...needs.keys()].sort((one, other) => columns.get(one) - columns.get(other));
  const row = new Map(names.map((name, index) => [name, index]));
  const pitch = cardHeight + 12;
  const ends = [];
  const lanes = names.map((name, index) => {
    const targets = names.filter((other) => needs.get(other).includes(name));
    if (targets.length === 0) return null;
    let lane = 0;
    while (ends[lane] > index && lane < maxLanes - 1) lane++;
    ends[lane] = Math.max(...targets.map((target) => row.get(target)));
    return { name, targets, lane };
  }).filter(Boolean);
  const gutter = 12 * Math.min(maxLanes, ends.length) + (ends.length ? 10 : 0);
  const boxes = new Map(names.map((name, index) =>
    [name, { x: gutter, y: index * pitch, width: width - gutter, height: cardHeight }]));
  const lines = lanes.flatMap(({ name, targets, lane }) => targets.map((target) => {
    const x = gutter - 14 - 12 * lane;
    const [start, end] = [row.get(name) * pitch + 44, row.get(target) * pitch + 22];
    return {
      from: name, to: target,
      path: `M${gutter} ${start}H${x + 6}q-6 0-6 6V${end - 6}q0 6 6 6H${gutter}m-5-4 5 4-5 4`,
    };
  }));
  return { boxes, lines, width, height: names.length * pitch - 12 };
}
