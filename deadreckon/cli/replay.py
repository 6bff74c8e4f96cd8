"""`dr replay`: questions to the log, each a verb of its own."""

from cyclopts import App

from deadreckon.cli.app import Verb, add

replay = App(
    name="replay",
    help="Ask the log what happened. Example: dr replay audit --all --data run1",
)

VERBS = {
    "audit": Verb("deadreckon.cli.audit:audit", "PnL and positions, recomputed and compared."),
    "narrate": Verb("deadreckon.cli.narrate:narrate", "A day in plain words."),
    "asof": Verb("deadreckon.cli.asof:asof", "The book at a time, a sequence or an event."),
    "why": Verb("deadreckon.cli.why:why", "Back to the causes of an id, and on to its effects."),
    "whynot": Verb("deadreckon.cli.whynot:whynot", "Why nothing happened."),
    "rerun": Verb("deadreckon.cli.rerun:rerun", "Recorded questions to deciders, put again."),
    "whatif": Verb("deadreckon.cli.whatif:whatif", "A day under other limits or strategies."),
    "pnl": Verb("deadreckon.cli.pnl:pnl", "PnL of sealed days, millions of fills a second."),
    "metrics": Verb("deadreckon.cli.metrics:metrics", "A past day's metrics for Prometheus."),
    "bundle": Verb("deadreckon.cli.bundle:bundle", "One decision in a file."),
    "open": Verb("deadreckon.cli.open:open_", "Replay the decision in a bundle."),
}
add(replay, VERBS)
