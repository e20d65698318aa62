"""The contract of key queries on every database; subclasses provide a `database`."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from narration.database import session_scope
from narration.errors import ConflictError, FieldsError, NotFoundError
from narration.ids import new_id
from narration.keys import lookup
from narration.keys.manage import MAX_KEYS, MadeKey, NewKey, list_keys, make_key, revoke_key
from narration.keys.record import ApiSession
from narration.keys.scopes import USUAL_SCOPES, KeyLimits, Scope
from tests.builders import NOW

MINUTE = timedelta(minutes=1)


def made(database: Engine, most: int = MAX_KEYS, **fields: Any) -> MadeKey:
    new = NewKey(**{"owner": "ann", "name": "ci"} | fields)
    with session_scope(database) as session:
        return make_key(session, new, now=NOW, most=most)


class KeysContract:
    def test_a_key_is_found_by_its_secret_alone(self, database: Engine) -> None:
        first, second = made(database), made(database, owner="bob")
        with session_scope(database, is_read_only=True) as session:
            found = lookup.find_key(session, first.secret)
            assert found is not None
            assert (found.id, found.owner, found.scopes) == (first.key.id, "ann", USUAL_SCOPES)
            assert found.is_usable(NOW)
            assert lookup.find_key(session, second.secret[:-1]) is None
            assert lookup.find_key(session, first.key.digest) is None

    def test_the_secret_is_not_kept(self, database: Engine) -> None:
        secret = made(database).secret
        with database.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM api_keys").all()
        assert secret not in str(rows)
        assert secret.removeprefix("rhapsode_key_") not in str(rows)

    def test_limits_and_scopes_are_read_back(self, database: Engine) -> None:
        limits = KeyLimits(requests_a_minute=60, characters_a_day=10**11)
        secret = made(database, scopes=frozenset({Scope.READ}), limits=limits).secret
        with session_scope(database, is_read_only=True) as session:
            found = lookup.find_key(session, secret)
        assert found is not None
        assert (found.scopes, found.limits) == ({Scope.READ}, limits)

    def test_a_revoked_key_is_known_and_of_no_use(self, database: Engine) -> None:
        key = made(database)
        with session_scope(database) as session:
            revoke_key(session, key.key.id, now=NOW)
        with session_scope(database) as session:
            again = revoke_key(session, key.key.id, now=NOW + MINUTE)
            assert again.revoked_at == NOW
            found = lookup.find_key(session, key.secret)
        assert found is not None
        assert not found.is_usable(NOW)

    def test_a_key_that_is_not_there_cannot_be_revoked(self, database: Engine) -> None:
        with session_scope(database) as session, pytest.raises(NotFoundError):
            revoke_key(session, new_id("key", NOW), now=NOW)

    def test_a_key_expires(self, database: Engine) -> None:
        secret = made(database, expires_at=NOW + MINUTE).secret
        with session_scope(database, is_read_only=True) as session:
            found = lookup.find_key(session, secret)
        assert found is not None
        assert found.is_usable(NOW)
        assert not found.is_usable(NOW + MINUTE)

    def test_keys_are_listed_newest_first_by_owner(self, database: Engine) -> None:
        ids = [made(database, name=name).key.id for name in ("a", "b")]
        others = made(database, owner="bob").key.id
        with session_scope(database, is_read_only=True) as session:
            mine = list_keys(session, owner="ann", limit=9)
            assert {key.id for key in mine} == set(ids)
            all_keys = list_keys(session, limit=9)
            assert [key.id for key in all_keys] == sorted([*ids, others], reverse=True)
            rest = list_keys(session, before=all_keys[0].id, limit=1)
            assert [key.id for key in rest] == [all_keys[1].id]

    def test_use_is_noted_once_a_minute(self, database: Engine) -> None:
        key = made(database)

        def used_at(now: Any) -> Any:
            with session_scope(database) as session:
                lookup.record_use(session, key.key.id, now=now)
                found = lookup.find_key(session, key.secret)
                assert found is not None
                return found.last_used_at

        assert used_at(NOW) == NOW
        assert used_at(NOW + MINUTE / 2) == NOW
        assert used_at(NOW + MINUTE) == NOW + MINUTE

    def test_there_are_keys_even_after_the_last_was_revoked(self, database: Engine) -> None:
        with session_scope(database) as session:
            assert not lookup.has_keys(session)
        key = made(database).key
        with session_scope(database) as session:
            revoke_key(session, key.id, now=NOW)
            assert lookup.has_keys(session)

    def test_an_owner_has_so_many_keys_at_most(self, database: Engine) -> None:
        made(database, 2)
        last = made(database, 2).key
        with pytest.raises(ConflictError, match="revoke those"):
            made(database, 2)
        made(database, 2, owner="bob")
        with session_scope(database) as session:
            revoke_key(session, last.id, now=NOW)
        made(database, 2)

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"name": " "}, "/name"),
            ({"name": "a" * 65}, "/name"),
            ({"name": "a\nb"}, "/name"),
            ({"owner": ""}, "/owner"),
            ({"owner": "../x"}, "/owner"),
            ({"scopes": frozenset()}, "/scopes"),
            ({"expires_at": NOW}, "/expires_at"),
            ({"expires_at": NOW + timedelta(days=9999)}, "/expires_at"),
            ({"limits": KeyLimits(streams=0)}, "/limits/streams"),
            ({"limits": KeyLimits(characters_a_day=10**13)}, "/limits/characters_a_day"),
        ],
    )
    def test_what_makes_no_sense_is_named(
        self, database: Engine, fields: dict[str, Any], pointer: str
    ) -> None:
        with pytest.raises(FieldsError) as raised:
            made(database, **fields)
        assert [field["pointer"] for field in raised.value.fields] == [pointer]

    def test_a_session_ends_with_its_key(self, database: Engine) -> None:
        key = made(database)
        with session_scope(database) as session:
            known = lookup.find_key(session, key.secret)
            assert known is not None
            browser = lookup.open_session(session, known, lasts_s=60, now=NOW)
            found = lookup.find_session(session, browser)
            assert found is not None
            assert (found.id, found.session_expires_at) == (key.key.id, NOW + MINUTE)
            assert found.is_usable(NOW)
            assert not found.is_usable(NOW + MINUTE)
            assert lookup.find_key(session, browser) is None
            assert lookup.find_session(session, key.secret) is None
        with session_scope(database) as session:
            revoke_key(session, key.key.id, now=NOW)
            assert lookup.find_session(session, browser) is None

    def test_a_session_ends_with_signing_out_and_no_later_than_its_key(
        self, database: Engine
    ) -> None:
        key = made(database, expires_at=NOW + MINUTE)
        with session_scope(database) as session:
            known = lookup.find_key(session, key.secret)
            assert known is not None
            first, second = (
                lookup.open_session(session, known, lasts_s=9999, now=NOW) for _ in range(2)
            )
            lookup.close_session(session, first)
            assert lookup.find_session(session, first) is None
            other = lookup.find_session(session, second)
            assert other is not None
            assert other.session_expires_at == NOW + MINUTE
            lookup.forget_sessions(session, now=NOW + MINUTE)
            assert lookup.find_session(session, second) is None

    def test_sessions_of_a_key_are_bounded(self, database: Engine) -> None:
        key = made(database)
        with session_scope(database) as session:
            known = lookup.find_key(session, key.secret)
            assert known is not None
            secrets = [
                lookup.open_session(session, known, lasts_s=99, now=NOW + n * MINUTE, most=2)
                for n in range(4)
            ]
            count = session.execute(select(func.count()).select_from(ApiSession)).scalar_one()
            assert count == 2
            assert lookup.find_session(session, secrets[-1]) is not None
            assert lookup.find_session(session, secrets[0]) is None

    def test_what_is_in_use_is_looked_at_together(self, database: Engine) -> None:
        first, second = made(database), made(database)
        with session_scope(database) as session:
            known = lookup.find_key(session, second.secret)
            assert known is not None
            browser = lookup.open_session(session, known, lasts_s=60, now=NOW)
            signed_in = lookup.find_session(session, browser)
            assert signed_in is not None
            assert signed_in.session_id is not None
            used = lookup.find_in_use(session, [first.key.id], [signed_in.session_id])
            assert [(each.id, each.session_id) for each in used] == [
                (first.key.id, None),
                (second.key.id, signed_in.session_id),
            ]
