"""A test that commits leaves the database as it found it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from tests.database import Migrated
from users.models import User
from users.roles import Role, ensure_roles


@pytest.mark.django_db(transaction=True)
def test_what_was_committed_goes_and_what_the_migrations_made_is_there_again():
    def everything() -> tuple[set[Any], set[Any], dict[str, set[Any]]]:
        groups = {group.name: set(group.permissions.values_list("pk", "codename")) for group in Group.objects.all()}
        return set(ContentType.objects.values_list()), set(Permission.objects.values_list()), groups

    migrated, before = Migrated(), everything()
    User.objects.create_user("someone@example.com", "correct-horse-battery").groups.add(Group.objects.get(name="admin"))
    Permission.objects.filter(codename__startswith="view").delete()
    Group.objects.create(name="strangers")
    migrated.restore()
    assert not User.objects.exists()
    assert everything() == before
    assert set(before[2]) == set(Role)
    ensure_roles()
    assert everything() == before, "as they would be made anew"
