"""Picture of a story as SVG or DOT: layers from the first causes down to the last effects."""

from collections.abc import Iterable
from html import escape
from textwrap import wrap

from msgspec import Struct

from deadreckon.formatting.times import moment
from deadreckon.replay.why.document import links
from deadreckon.replay.why.tracing import Explanation, Node

BOX_WIDTH, LINE_HEIGHT, PADDING = 272, 15, 8  # pixels
GAP_ACROSS, GAP_DOWN, MARGIN = 26, 46, 24
LINE_CHARACTERS = 39  # of text in one line of a box
LINES_SHOWN = 4
DETAILS_SHOWN = 4
SWEEPS = 8  # passes over the layers that move linked boxes near each other

BOLD, PLAIN, QUIET = "bold", "plain", "quiet"
_WEIGHTS = {BOLD: ("#111827", 700), PLAIN: ("#111827", 400), QUIET: ("#4b5563", 400)}

SANS = "font-family='system-ui, Helvetica, Arial, sans-serif'"

# Fill and edge colour of a box by publisher or event type.
_COLOURS = {
    "market": ("#eef1f5", "#8a94a3"),
    "clock": ("#eef1f5", "#8a94a3"),
    "signal": ("#e6f0ff", "#2f6fd0"),
    "risk": ("#fff4dc", "#c98a00"),
    "router": ("#f1e9fb", "#7b4fc0"),
    "fill": ("#e5f6ea", "#2a8f4f"),
    "portfolio": ("#def3f3", "#1d8080"),
    "trainer": ("#e6f0ff", "#2f6fd0"),
    "governance": ("#fff4dc", "#c98a00"),
}
_OTHERS = ("#f7f3ee", "#9a7b56")  # operators, producers, venues
_REFUSALS = ("#fde8e7", "#c62f2b")
_REFUSE = (
    "SignalRefused",
    "MessagesRefused",
    "OrderRejected",
    "OrderUnroutable",
    "HaltImposed",
    "HaltRequested",
)


class Box(Struct):
    """Box of an event: its text, and its position in pixels from the top left."""

    id: str
    lines: list[tuple[str, str]]  # text and weight: BOLD, PLAIN or QUIET
    fill: str
    edge: str
    is_asked: bool
    layer: int = 0
    left: float = 0
    top: float = 0

    @property
    def height(self) -> int:
        return len(self.lines) * LINE_HEIGHT + 2 * PADDING

    @property
    def middle(self) -> float:
        return self.left + BOX_WIDTH / 2


Edge = tuple[str, str, str]  # from, to, label


def as_svg(explained: Explanation) -> str:
    """Draw a story as a self-contained SVG; equal stories give equal bytes."""
    drawn = _ties(explained)
    boxes = {name: _box(explained, node) for name, node in explained.nodes.items()}
    layers = _layers(boxes, drawn)
    _order(layers, boxes, drawn)
    width, height = _position(layers)
    parts = [
        (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
            f"viewBox='0 0 {width:.0f} {height:.0f}' {SANS} font-size='11'>"
        ),
        (
            "<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
            "markerHeight='7' orient='auto'><path d='M0 0L8 4L0 8z' fill='#667'/></marker></defs>"
        ),
        f"<rect width='{width:.0f}' height='{height:.0f}' fill='#ffffff'/>",
        *(_edge(boxes[edge[0]], boxes[edge[1]], edge[2]) for edge in drawn),
        *(_drawn(box) for box in boxes.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def as_dot(explained: Explanation) -> str:
    """Write a story as Graphviz DOT, for `dot -Tsvg`."""
    lines = [
        "digraph why {",
        '  rankdir=TB; node [shape=box style="filled,rounded" fontname="Helvetica" fontsize=10];',
    ]
    for name, node in explained.nodes.items():
        box = _box(explained, node)
        label = "\\l".join(_quoted(text) for text, _ in box.lines) + "\\l"
        wide = " penwidth=3" if box.is_asked else ""
        lines.append(
            f'  "{name}" [label="{label}" fillcolor="{box.fill}" color="{box.edge}"{wide}];'
        )
    for behind, ahead, label in _ties(explained):
        shown = f' [label="{_quoted(label)}"]' if label not in ("cause", "order") else ""
        lines.append(f'  "{behind}" -> "{ahead}"{shown};')
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _ties(explained: Explanation) -> list[Edge]:
    """Return every link once, from cause to effect."""
    root, story = explained.story.asked.id, explained.story
    behind = [(far, near, label) for near, far, label in links(root, story.causes)]
    found = {(start, end): label for start, end, label in (*behind, *links(root, story.effects))}
    return [(start, end, label) for (start, end), label in found.items() if start != end]


def _box(explained: Explanation, node: Node) -> Box:
    record = node.record
    kind = type(record.event).__name__
    is_refusal = kind in _REFUSE
    fill, edge = _REFUSALS if is_refusal else _COLOURS.get(node.who, _OTHERS)
    is_asked = record.id == explained.story.asked.id
    when = moment(record.at) if record.at else "before any clock"
    lines = [(f"{node.who}: {kind}", BOLD), *((text, PLAIN) for text in _cut(node.text))]
    if is_asked or is_refusal:
        shown = [each for each in node.details if each.is_bad or not each.is_minor]
        for detail in shown[:DETAILS_SHOWN]:
            lines += [(text, QUIET) for text in _cut(f"{detail.name}: {detail.text}", 2)]
    lines.append((f"{explained.sequences[record.id]}  {record.id[:8]}  {when}", QUIET))
    return Box(record.id, lines, fill, edge, is_asked)


def _cut(text: str, most: int = LINES_SHOWN) -> list[str]:
    return wrap(text, LINE_CHARACTERS, max_lines=most, placeholder=" …") or [""]


def _layers(boxes: dict[str, Box], drawn: list[Edge]) -> list[list[Box]]:
    """Assign boxes to layers: each below all its causes, and no lower than necessary."""
    before: dict[str, list[str]] = {name: [] for name in boxes}
    after: dict[str, list[str]] = {name: [] for name in boxes}
    for start, end, _ in drawn:
        before[end].append(start)
        after[start].append(end)
    waiting = {name: len(starts) for name, starts in before.items()}
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:  # the list grows during the loop
        for end in after[name]:
            boxes[end].layer = max(boxes[end].layer, boxes[name].layer + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    for name in reversed(ready):  # a first cause is right above its earliest effect
        if not before[name] and after[name]:
            boxes[name].layer = min(boxes[end].layer for end in after[name]) - 1
    found: list[list[Box]] = [[] for _ in range(1 + max(box.layer for box in boxes.values()))]
    for box in boxes.values():
        found[box.layer].append(box)
    return [layer for layer in found if layer]


def _order(layers: list[list[Box]], boxes: dict[str, Box], drawn: list[Edge]) -> None:
    """Sort each layer by the mean position of the linked boxes, alternately down and up."""
    near: dict[str, list[str]] = {name: [] for name in boxes}
    for start, end, _ in drawn:
        near[start].append(end)
        near[end].append(start)
    _spread(layers)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middles = {box.id: _mean((boxes[name].middle for name in near[box.id]), box.middle)
                       for box in layer}  # fmt: skip
            layer.sort(key=lambda box: middles[box.id])
            _spread(layers)


def _mean(numbers: Iterable[float], default: float) -> float:
    found = list(numbers)
    return sum(found) / len(found) if found else default


def _spread(layers: list[list[Box]]) -> None:
    """Set the boxes of each layer side by side, all layers centred."""
    widest = max(map(len, layers))
    for layer in layers:
        start = (widest - len(layer)) * (BOX_WIDTH + GAP_ACROSS) / 2
        for index, box in enumerate(layer):
            box.left = MARGIN + start + index * (BOX_WIDTH + GAP_ACROSS)


def _position(layers: list[list[Box]]) -> tuple[float, float]:
    """Set the vertical position of every box; returns width and height of the page."""
    _spread(layers)
    top = float(MARGIN)
    for layer in layers:
        for box in layer:
            box.top = top
        top += max(box.height for box in layer) + GAP_DOWN
    width = max(box.left + BOX_WIDTH for layer in layers for box in layer) + MARGIN
    return width, top - GAP_DOWN + MARGIN


def _drawn(box: Box) -> str:
    weight = 3 if box.is_asked else 1
    parts = [
        (
            f"<g><rect x='{box.left:.0f}' y='{box.top:.0f}' width='{BOX_WIDTH}' "
            f"height='{box.height}' rx='6' fill='{box.fill}' stroke='{box.edge}' "
            f"stroke-width='{weight}'/><title>{escape(box.id)}</title>"
        )
    ]
    for number, (text, weight_of_text) in enumerate(box.lines):
        down = box.top + PADDING + (number + 0.8) * LINE_HEIGHT
        colour, thickness = _WEIGHTS[weight_of_text]
        parts.append(
            f"<text x='{box.left + PADDING:.0f}' y='{down:.0f}' fill='{colour}' "
            f"font-weight='{thickness}'>{escape(text)}</text>"
        )
    return "".join([*parts, "</g>"])


def _edge(start: Box, end: Box, label: str) -> str:
    """Draw an edge from the bottom of one box to the top of another."""
    down = start.top + start.height
    bend = max((end.top - down) / 2, 12)
    path = (
        f"M{start.middle:.0f} {down:.0f}C{start.middle:.0f} {down + bend:.0f} "
        f"{end.middle:.0f} {end.top - bend:.0f} {end.middle:.0f} {end.top - 1:.0f}"
    )
    line = f"<path d='{path}' fill='none' stroke='#667' marker-end='url(#tip)'/>"
    if label in ("cause", "order"):
        return line
    across, up = (start.middle + end.middle) / 2, (down + end.top) / 2
    return (
        f"{line}<text x='{across:.0f}' y='{up:.0f}' fill='#667' text-anchor='middle' "
        f"font-style='italic'>{escape(label)}</text>"
    )
