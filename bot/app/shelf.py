"""The adapters that a policy names, ready to be called; no other kind is imported."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from adapters import registry
from adapters.base import Adapter
from bot.config.errors import ConfigurationError
from bot.domain.policy import Policy, Provider


@dataclass(frozen=True, slots=True)
class Shelf:
    """Providers with their adapters, by name."""

    providers: Mapping[str, Provider]
    adapters: Mapping[str, Adapter]

    def restocked(self, policy: Policy) -> "Shelf":
        """The shelf for another policy: a provider that did not change keeps its adapter.

        Raises `ConfigurationError` when an adapter cannot be made; nothing has changed then.
        """
        adapters = {
            name: self.adapters[name] if self.providers.get(name) == provider else _made(provider)
            for name, provider in policy.providers.items()
        }
        return Shelf(dict(policy.providers), adapters)


EMPTY = Shelf({}, {})


def _made(provider: Provider) -> Adapter:
    try:
        kind = registry.load(provider.adapter)
        return kind(provider.name, kind.Settings.model_validate(dict(provider.settings)))
    except registry.UnusableAdapterError as error:
        raise ConfigurationError(error.message, hints=(error.hint,)) from None
    except ValidationError as error:
        # The policy was checked with the same model, so only the world can have changed since.
        wrong = error.errors(include_input=False)[0]["msg"]
        raise ConfigurationError(
            f"The settings of provider {provider.name} are not right: {wrong}.",
            hints=("Run `curfew check`.",),
        ) from None
