"""Draw the pictures of docs/concepts.md into docs/images: python docs/generate_concepts.py."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from sanas_spaces import CombinedSpace
from sanas_spaces.blocks import fold
from sanas_spaces.picture import palette
from sanas_spaces.searching.pareto import knee, non_dominated

IMAGES = Path(__file__).resolve().with_name("images")
COMMAND = "python docs/generate_concepts.py"

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
TOKENS = [1, 4, 0, 0, 2, 6, 1, 1]
SHAPE = (3, 32, 32)

POINTS = (
    (748_544, 0.948),
    (84_428, 0.871),
    (57_016, 0.787),
    (382_448, 0.934),
    (429_216, 0.955),
    (283_040, 0.920),
    (736_160, 0.958),
    (415_152, 0.951),
    (573_088, 0.958),
    (41_566, 0.652),
    (691_744, 0.930),
    (96_000, 0.948),
    (535_952, 0.892),
    (119_712, 0.822),
    (92_256, 0.937),
    (174_652, 0.923),
    (359_742, 0.725),
    (89_120, 0.871),
    (142_608, 0.885),
    (426_240, 0.958),
    (709_808, 0.909),
    (576_064, 0.951),
)
"""FLOPs and validation accuracy of random networks of MobileNetV2BlockSpace with block_mask [1, 0, 1], each trained on
digits for two epochs: search(..., ImageClassification(load_dataset("digits"), epochs=2), steps=22, algorithm="random",
constraints={"flops": (20e3, 800e3)}, seed=3)."""
BOUND = 400_000

WIDTH = 680
STYLE = (
    palette("sanas-concept")
    + """\
.sanas-concept text{fill:var(--ink);font:13px system-ui,sans-serif}.sanas-concept .muted{fill:var(--muted)}
.sanas-concept .code{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.sanas-concept .strong{font-weight:600}.sanas-concept .named{fill:var(--orange);font-weight:600}
.sanas-concept .box{fill:var(--box);stroke:var(--edge)}
.sanas-concept .main{fill:var(--box);stroke:var(--blue);stroke-width:2}
.sanas-concept .group{fill:none;stroke:var(--edge);stroke-dasharray:4 4}
.sanas-concept .line{stroke:var(--muted);fill:none}.sanas-concept .bold{stroke:var(--blue);stroke-width:2;fill:none}
.sanas-concept .dot{fill:var(--muted)}.sanas-concept .front{fill:var(--blue)}
.sanas-concept .volume{fill:var(--blue);opacity:.12}
.sanas-concept .ring{stroke:var(--orange);stroke-width:2;fill:none}
.sanas-concept .bound{stroke:var(--orange);stroke-width:2;stroke-dasharray:6 4}
"""
)


class Sheet:
    """Shapes of one picture."""

    def __init__(self, height: int, title: str) -> None:
        self.height = height
        self.title = title
        self._shapes: list[str] = []

    def add(self, shape: str) -> None:
        self._shapes.append(shape)

    def text(self, x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> None:
        self.add(f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, *lines: tuple[str, str], kind: str = "box") -> None:
        """A box with lines of words, each with its kind, around its middle."""
        self.add(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>')
        top = y + height / 2 - 9 * len(lines) + 13
        for i, (words, line_kind) in enumerate(lines):
            self.text(x + width / 2, top + 18 * i, words, line_kind, anchor="middle")

    def arrow(self, *points: tuple[float, float], both: bool = False) -> None:
        """A line through points with a head at its end, or at both ends."""
        path = "L".join(f"{x:g} {y:g}" for x, y in points)
        self.add(f'<path class="line" d="M{path}"/>')
        self._head(points[-2], points[-1])
        if both:
            self._head(points[1], points[0])

    def _head(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        along = np.subtract(end, start) / np.hypot(*np.subtract(end, start))
        across = np.array([-along[1], along[0]])
        left, right = (np.array(end) - 7 * along + side * across for side in (4, -4))
        corners = "L".join(f"{x:.1f} {y:.1f}" for x, y in (left, end, right))
        self.add(f'<path class="line" d="M{corners}"/>')

    def svg(self) -> str:
        return (
            f"<!-- Drawn by `{COMMAND}`. -->\n"
            f'<svg xmlns="http://www.w3.org/2000/svg" class="sanas-concept" role="img" '
            f'aria-label={quoteattr(self.title)} viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" '
            f'height="{self.height}">\n<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n'
            '<rect width="100%" height="100%" fill="var(--paper)"/>\n' + "\n".join(self._shapes) + "\n</svg>\n"
        )


def tokens() -> str:
    """From a token list to the blocks of a network."""
    space = CombinedSpace(CONFIGS)
    arch = space.token2arch(TOKENS).network
    sheet = Sheet(300, f"The tokens {TOKENS} pick one option from each choice, and so two blocks of a network")
    for x, words in ((18, "token"), (72, "of"), (118, "choice"), (282, "option")):
        sheet.text(x, 24, words, "strong")
    sheet.text(372, 24, "network", "strong")
    for i, (token, field) in enumerate(zip(TOKENS, space.table.fields, strict=True)):
        y = 36 + 28 * i + 16 * (i // 4)
        sheet.box(18, y, 34, 24, (str(token), "code"))
        sheet.text(72, y + 17, f"0–{len(field.options) - 1}", "muted code")
        sheet.text(118, y + 17, field.label)
        sheet.text(282, y + 17, str(field.options[token]), "code strong")
    for number, stage in enumerate(fold(arch.graph(SHAPE))):
        row = 36 + number * 128
        sheet.add(f'<path class="line" d="M322 {row}h8v108h-8"/>')
        sheet.arrow((330, row + 54), (366, row + 54))
        y = row + (54 - 27 * len(stage.blocks))
        for block in stage.blocks:
            lines = [(line, "code") for line in block.lines]
            shape = "→ " + " × ".join(map(str, block.output_shape))
            sheet.box(372, y, 298, 50, *lines, (shape, "muted"))
            y += 56
    sheet.text(372, 292, f"{arch.cost(SHAPE).flops:,} FLOPs, {arch.cost(SHAPE).params:,} parameters", "muted")
    return sheet.svg()


def loop() -> str:
    """Propose, evaluate, reward, record."""
    sheet = Sheet(250, "A search proposes tokens, something evaluates their network, the reward is recorded, and again")
    sheet.box(
        20, 24, 250, 74, ("propose", "strong"), (f"{TOKENS}", "code"), ("new, and within the constraints", "muted")
    )
    sheet.box(
        410, 24, 250, 74, ("evaluate", "strong"), ("candidate → number", "code"), ("yours: train it, score it", "muted")
    )
    sheet.box(410, 152, 250, 74, ("reward", "strong"), ("0.923", "code"), ("larger is better", "muted"))
    sheet.box(
        20,
        152,
        250,
        74,
        ("record", "strong"),
        ("tokens, reward, cost", "code"),
        ("on the disk before it goes on", "muted"),
    )
    sheet.arrow((270, 61), (404, 61))
    sheet.text(337, 52, "candidate", "muted", anchor="middle")
    sheet.arrow((535, 98), (535, 146))
    sheet.arrow((410, 189), (276, 189))
    sheet.arrow((145, 152), (145, 104))
    sheet.text(340, 122, "the algorithm learns from all that is recorded;", "muted", anchor="middle")
    sheet.text(340, 140, "after so many steps the best is the result", "muted", anchor="middle")
    return sheet.svg()


def cost() -> str:
    """One description, read or built."""
    arch = CombinedSpace(CONFIGS).token2arch(TOKENS).network
    told = arch.cost(SHAPE)
    sheet = Sheet(264, "A network is described once; the description is read for its costs, or built with Paddle")
    sheet.box(16, 96, 152, 60, ("tokens", "strong"), (",".join(map(str, TOKENS)), "code"))
    sheet.box(
        226,
        86,
        170,
        80,
        ("description", "strong"),
        (f"a graph of {len(arch.graph(SHAPE).live()) - 1} layers", ""),
        ("with their shapes", ""),
        kind="main",
    )
    sheet.arrow((168, 126), (220, 126))
    sheet.add('<rect class="group" x="452" y="10" width="218" height="136" rx="6"/>')
    sheet.text(464, 32, "read, without Paddle", "strong")
    for i, words in enumerate(
        (
            f"{told.flops:,} FLOPs",
            f"{told.params:,} parameters",
            f"{told.peak_activation_bytes // 1024} KiB of activations",
            f"hash {arch.hash(SHAPE)[:12]}…",
        )
    ):
        sheet.text(464, 58 + 24 * i, words, "code")
    sheet.add('<rect class="group" x="452" y="166" width="218" height="88" rx="6"/>')
    sheet.text(464, 188, "built, with Paddle", "strong")
    sheet.text(464, 214, "program (PIR or legacy IR)", "code")
    sheet.text(464, 238, "paddle.nn.Layer", "code")
    sheet.arrow((396, 112), (424, 112), (424, 78), (446, 78))
    sheet.arrow((396, 140), (424, 140), (424, 210), (446, 210))
    return sheet.svg()


def front() -> str:
    """Measured candidates, a bound, and the Pareto front of what it allows."""
    flops, accuracy = (np.array(column, dtype=float) for column in zip(*POINTS, strict=True))
    allowed = flops <= BOUND
    scores = np.stack([accuracy, -flops], axis=1)
    kept = np.zeros(len(flops), bool)
    kept[allowed] = non_dominated(scores[allowed])
    order = np.flatnonzero(kept)[np.argsort(flops[kept])]
    chosen = order[knee(scores[order])]
    left, bottom, right, top = 64.0, 300.0, 660.0, 24.0
    low, most = np.floor(10 * accuracy.min()) / 10, 800_000

    def x(value: float) -> float:
        return left + (right - left) * value / most

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / (1 - low)

    sheet = Sheet(346, "Accuracy against FLOPs of candidates: a bound, the Pareto front below it, and its knee")
    steps = f"M{x(flops[order[0]]):.1f} {bottom:g}V{y(accuracy[order[0]]):.1f}"
    for i in order[1:]:
        steps += f"H{x(flops[i]):.1f}V{y(accuracy[i]):.1f}"
    steps += f"H{x(BOUND):.1f}"
    sheet.add(f'<path class="volume" d="{steps}V{bottom:g}Z"/>')
    sheet.add(f'<path class="bold" d="{steps}"/>')
    sheet.add(f'<path class="line" d="M{left:g} {top:g}V{bottom:g}H{right:g}"/>')
    for value in range(0, most + 1, 200_000):
        sheet.text(x(value), bottom + 18, f"{value // 1000}k" if value else "0", "muted", anchor="middle")
    for value in np.arange(low, 1.001, 0.1):
        sheet.text(left - 8, y(value) + 4, f"{value:.1f}", "muted", anchor="end")
    sheet.text(right, bottom + 38, "FLOPs: fewer are better", "strong", anchor="end")
    sheet.text(left + 10, top + 6, "accuracy", "strong")
    sheet.add(f'<path class="bound" d="M{x(BOUND):g} {top:g}V{bottom:g}"/>')
    sheet.text(x(BOUND) + 8, bottom - 24, f"bound: flops <= {BOUND:,}", "named")
    sheet.text(x(BOUND) + 8, bottom - 8, "beyond it nothing is proposed", "muted")
    for i in range(len(flops)):
        kind = "front" if kept[i] else "dot" if allowed[i] else "line"
        size = 5 if kept[i] else 3.5
        sheet.add(f'<circle class="{kind}" cx="{x(flops[i]):.1f}" cy="{y(accuracy[i]):.1f}" r="{size}"/>')
    sheet.add(f'<circle class="ring" cx="{x(flops[chosen]):.1f}" cy="{y(accuracy[chosen]):.1f}" r="10"/>')
    sheet.text(x(flops[chosen]) - 8, y(accuracy[chosen]) - 14, "knee", "named", anchor="end")
    return sheet.svg()


def record() -> str:
    """One record, and who works on it."""
    sheet = Sheet(
        300, "One record: processes of one machine write to it, a server writes for clients, anybody reads it"
    )
    sheet.add('<path class="main" d="M262 96v84a78 16 0 0 0 156 0v-84"/>')
    sheet.add('<ellipse class="main" cx="340" cy="96" rx="78" ry="16"/>')
    for i, (words, kind) in enumerate((("record", "strong"), ("an Optuna study:", ""), ("file or database", ""))):
        sheet.text(340, 134 + 18 * i, words, kind, anchor="middle")
    sheet.add('<rect class="group" x="12" y="12" width="196" height="196" rx="6"/>')
    sheet.text(24, 34, "one machine", "strong")
    sheet.box(24, 46, 172, 52, ("search(workers=2)", "code"), ("proposes", "muted"))
    sheet.box(24, 142, 80, 52, ("worker", ""), ("trains", "muted"))
    sheet.box(116, 142, 80, 52, ("worker", ""), ("trains", "muted"))
    sheet.arrow((64, 98), (64, 136), both=True)
    sheet.arrow((156, 98), (156, 136), both=True)
    sheet.arrow((196, 72), (234, 72), (256, 108), both=True)
    sheet.add('<rect class="group" x="472" y="12" width="196" height="196" rx="6"/>')
    sheet.text(484, 34, "many machines", "strong")
    sheet.box(484, 46, 172, 52, ("server", ""), ("proposes", "muted"))
    sheet.box(484, 142, 80, 52, ("client", ""), ("trains", "muted"))
    sheet.box(576, 142, 80, 52, ("client", ""), ("trains", "muted"))
    sheet.arrow((524, 98), (524, 136), both=True)
    sheet.arrow((616, 98), (616, 136), both=True)
    sheet.text(570, 124, "HTTP", "muted", anchor="middle")
    sheet.arrow((484, 72), (446, 72), (424, 108), both=True)
    sheet.arrow((340, 196), (340, 236))
    sheet.box(
        130,
        242,
        420,
        46,
        ("resume, sanas status, reports, plots, optuna-dashboard", ""),
        ("read it, also while the search runs", "muted"),
    )
    return sheet.svg()


PICTURES = {
    "concept-tokens.svg": tokens,
    "concept-loop.svg": loop,
    "concept-cost.svg": cost,
    "concept-front.svg": front,
    "concept-record.svg": record,
}


if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8")
