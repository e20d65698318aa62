"""The whole API and its station in this process, until a signal comes or the engine dies."""

from api.app import create_app
from api.deps import Resources
from narration.settings import Settings
from rhapsode.listener import check_port, listen
from rhapsode.machine import open_machine
from worker.process import EXIT_ENGINE_DIED, OpenSpeaker


def serve_machine(settings: Settings, open_speaker: OpenSpeaker) -> int:
    """Serve the whole API from this process until a signal or the engine's end; return the code.

    Raises: SettingsError if the port cannot be had, before anything is loaded; what
    `open_machine` raises.
    """
    check_port(settings.api)
    with open_machine(settings, open_speaker) as machine:
        resources = Resources(
            settings=settings,
            engine=machine.database,
            stores=machine.stores,
            broker=machine.broker,
        )
        has_died = machine.station.has_died
        listen(create_app(settings, resources), settings.api, has_died)
    return EXIT_ENGINE_DIED if has_died.is_set() else 0
