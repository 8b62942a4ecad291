"""SECRET_KEY can be changed while people are at work."""

import pytest

from infra.sealed import SealBroken, reseal, seal, unseal
from tests.trading.people import person
from users.roles import Role

OLD, NEW = "an-old-key-of-the-installation-" * 2, "a-new-key-of-the-installation-" * 2


@pytest.mark.django_db
def test_a_session_of_the_key_before_stays_good(client, settings, redis_url):
    settings.SECRET_KEY = OLD
    client.force_login(person(Role.VIEWER))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert client.get("/risk").status_code == 200


@pytest.mark.django_db
def test_without_it_people_log_in_again(client, settings, redis_url):
    settings.SECRET_KEY = OLD
    client.force_login(person(Role.VIEWER))
    settings.SECRET_KEY = NEW
    assert client.get("/risk").status_code == 302


def test_a_secret_of_the_key_before_opens_and_is_sealed_anew(settings):
    settings.TOKEN_KEYS, settings.SECRET_KEY = [], OLD
    sealed = seal("grant")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert unseal(sealed) == "grant"
    anew = reseal(sealed)
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(anew) == "grant"
    with pytest.raises(SealBroken):
        unseal(sealed)
