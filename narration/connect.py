"""The broker of the settings, for processes that only send."""

from narration.broker import Broker
from narration.errors import SettingsError
from narration.settings import BrokerSettings


def connect_broker(settings: BrokerSettings) -> Broker:
    """Return the broker that other processes listen to.

    Raises: SettingsError if none is set: without one, everything runs in one process.
    """
    if settings.url is None:
        raise SettingsError(
            "RHAPSODE_BROKER__URL is not set: name the broker the workers listen to, "
            "or run everything in one process with `rhapsode serve`"
        )
    from narration.celery_broker import CeleryBroker, make_celery  # noqa: PLC0415 - an extra

    return CeleryBroker(make_celery(settings.url, settings))
