"""The faults of users and of the world, which end a verb in one line.

Some of them lie where much else does: whoever fails imports them, not every service that starts.
"""

from deadreckon.accounting.postings import ImpossibleFillError
from deadreckon.archive.manifests import ArchiveError
from deadreckon.archive.signing import DamagedKeyError
from deadreckon.contracts.codec import UndecodableError
from deadreckon.marketdata.tapes.tape import TapeError
from deadreckon.node.worker_processes import WorkerError
from deadreckon.projections.queries import NoViewsError
from deadreckon.projections.runner import ViewAheadError
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.replay.asof.log_point import LogPointError
from deadreckon.replay.audit.files import StatementError
from deadreckon.replay.audit.statement.venue_file import VenueFileError
from deadreckon.replay.bundle.file import BundleError
from deadreckon.replay.bundle.opening import StateShapeError
from deadreckon.replay.bundle.slice import NoDecisionError
from deadreckon.replay.lookup import AmbiguousIdError, UnknownIdError
from deadreckon.replay.pnl.document import NotSealedError
from deadreckon.replay.rerun.job.checkout import CheckoutError
from deadreckon.replay.rerun.job.job import NothingAskedError
from deadreckon.replay.rerun.job.process import OtherCodeError
from deadreckon.replay.whatif.changes import WhatIfError
from deadreckon.replay.whatif.job.worker_pool import LostWorkerError
from deadreckon.replay.whatif.log_scan import DamagedLogError
from deadreckon.runtime.log.bus import ConfigurationError, DeniedError, HoleError, UnavailableError
from deadreckon.runtime.log.domain import FencedOutError, ForeignMessageError
from deadreckon.runtime.process.file_lock import LockedError
from deadreckon.runtime.process.folder import FolderBusyError, FolderError
from deadreckon.runtime.process.loopback import PortBusyError
from deadreckon.runtime.server.binary import MissingServerError
from deadreckon.runtime.server.credentials import CredentialError
from deadreckon.runtime.server.nats_server import ServerFailedError, StoreLockedError
from deadreckon.runtime.server.secret import ExposedSecretError
from deadreckon.runtime.service.recovery import RecoveryError
from deadreckon.runtime.service.snapshots import SnapshotAheadError
from deadreckon.services.market.tape_player import TapeMismatchError
from deadreckon.venues.simulated.exchange.process import ExchangeFailedError

USAGE = (
    AmbiguousIdError,
    BundleError,
    CheckoutError,
    FolderError,
    NoDecisionError,
    NotSealedError,
    NothingAskedError,
    LogPointError,
    StatementError,
    TapeError,
    TapeMismatchError,
    UnknownIdError,
    VenueFileError,
    WhatIfError,
)
WORLD = (
    ViewAheadError,
    ForeignMessageError,
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
    LockedError,
    LostWorkerError,
    MissingServerError,
    NoViewsError,
    OtherCodeError,
    StateShapeError,
    PortBusyError,
    RecoveryError,
    ServerFailedError,
    SinkError,
    SnapshotAheadError,
    StoreLockedError,
    UnavailableError,
    UndecodableError,
    WorkerError,
)
