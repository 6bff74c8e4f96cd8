"""The faults of users and of the world, which end a verb in one line.

Some of them lie where much else does: whoever fails imports them, not every service that starts.
"""

from deadreckon.contracts.codec import UndecodableError
from deadreckon.projections.sink import SinkError
from deadreckon.replay.archive.manifests import ArchiveError
from deadreckon.replay.archive.signing import DamagedKeyError
from deadreckon.replay.asof.places import PlaceError
from deadreckon.replay.finding import AmbiguousIdError, UnknownIdError
from deadreckon.replay.play import TapeMismatchError
from deadreckon.replay.pnl.document import NotSealedError
from deadreckon.replay.statements.venue_file import VenueFileError
from deadreckon.replay.tapes.tape import TapeError
from deadreckon.replay.whatif.changes import WhatIfError
from deadreckon.replay.whatif.survey import DamagedLogError
from deadreckon.runtime.binary import MissingServerError
from deadreckon.runtime.bus import (
    ConfigurationError,
    DeniedError,
    HoleError,
    UnavailableError,
)
from deadreckon.runtime.credentials import CredentialError
from deadreckon.runtime.domain import AlienMessageError, FencedOutError
from deadreckon.runtime.folder import FolderBusyError, FolderError
from deadreckon.runtime.recollection import RecollectionError
from deadreckon.runtime.secret import ExposedSecretError
from deadreckon.runtime.server import ServerFailedError, StoreLockedError
from deadreckon.runtime.snapshots import SnapshotAheadError
from deadreckon.services.portfolio.booking import ImpossibleFillError
from deadreckon.stack.bundles.file import BundleError
from deadreckon.stack.bundles.opening import OtherShapeError
from deadreckon.stack.bundles.slice import NoDecisionError
from deadreckon.stack.exchange.process import ExchangeFailedError
from deadreckon.stack.loopback import PortBusyError
from deadreckon.stack.reading_views import NoViewsError
from deadreckon.stack.rerun.checkout import CheckoutError
from deadreckon.stack.rerun.process import OtherCodeError
from deadreckon.stack.rerun.verb import NothingAskedError
from deadreckon.stack.statements import StatementError
from deadreckon.stack.views import AheadError
from deadreckon.stack.whatif.crew import LostWorkerError
from deadreckon.stack.workers import WorkerError

USAGE = (
    AmbiguousIdError,
    BundleError,
    CheckoutError,
    FolderError,
    NoDecisionError,
    NotSealedError,
    NothingAskedError,
    PlaceError,
    StatementError,
    TapeError,
    TapeMismatchError,
    UnknownIdError,
    VenueFileError,
    WhatIfError,
)
WORLD = (
    AheadError,
    AlienMessageError,
    ArchiveError,
    ConfigurationError,
    CredentialError,
    DamagedKeyError,
    DamagedLogError,
    DeniedError,
    ExchangeFailedError,
    ExposedSecretError,
    FencedOutError,
    FolderBusyError,
    HoleError,
    ImpossibleFillError,
    LostWorkerError,
    MissingServerError,
    NoViewsError,
    OtherCodeError,
    OtherShapeError,
    PortBusyError,
    RecollectionError,
    ServerFailedError,
    SinkError,
    SnapshotAheadError,
    StoreLockedError,
    UnavailableError,
    UndecodableError,
    WorkerError,
)
