"""Connections that asynchronous code asks on."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction

from infra.orm import in_database
from users.models import User


async def count() -> int:
    return await in_database(User.objects.count)()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_does_not_work_any_more_is_replaced():
    connection.ensure_connection()
    connection.errors_occurred = True
    connection.connection.close()
    assert async_to_sync(count)() == 0


@pytest.mark.django_db(transaction=True)
def test_the_transaction_of_the_thread_that_waits_goes_on():
    with transaction.atomic():
        User.objects.create(email="a@example.com")
        assert async_to_sync(count)() == 1
        User.objects.create(email="b@example.com")
    assert User.objects.count() == 2
