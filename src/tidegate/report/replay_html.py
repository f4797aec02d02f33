"""A replay as one HTML file: where decisions go, why, and which items to look at first."""

from tidegate.report import replay_drawing as drawing
from tidegate.report import replay_words as words
from tidegate.report.page import page, sheet, style
from tidegate.report.replay import Replay


def render_replay(made: Replay) -> str:
    """Return a replay as a self-contained HTML document without any script.

    No picture of the media is in it, only paths, actions and what rules say.
    """
    old, new = words.actions(made)
    return page(
        "replay.html.j2",
        style(sheet("evaluation.css"), sheet("replay.css")),
        made=made,
        words=words,
        drawing=drawing,
        flow=drawing.sankey(made),
        counts={(flow.old, flow.new): flow.items for flow in made.flows},
        old=old,
        new=new,
        sweeps=[(one, drawing.plots(one), drawing.rows(one)) for one in made.sweeps],
    )
