"""The server that comes with the product, as it is started."""

from pathlib import Path

from infra.processes import embedded_redis


def test_it_keeps_every_write_of_the_last_second_and_freed_memory_at_hand(tmp_path: Path) -> None:
    service = embedded_redis.service(folder=tmp_path, port=6399)
    options = dict(zip(service.command[1::2], service.command[2::2], strict=True))
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "everysec")
    assert options["--maxmemory-policy"] == "noeviction", "nothing may disappear to make room"
    assert "tcache_count" in service.environment["GLIBC_TUNABLES"]
    assert ("hugetlb=1" in service.environment["GLIBC_TUNABLES"], options["--disable-thp"]) == (True, "no")
