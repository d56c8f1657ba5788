# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Novelties, compiled: what `Novelties.observe` does of a record whose hour is the newest of its identity, and what
`Habits.look` and `EarlyLife.look` do where nothing is to be said.

Nothing is decided here that is not decided the same way there. Listeners, and all that may become a signal, are called;
what is left are look-ups in dictionaries of what is known (`known.meet`) and the small lists of an hour. How slots are
read is told in `steady.pyx`. `tests/engine/test_folding.py` holds both ways against each other.
"""

from cpython.dict cimport PyDict_GetItemWithError
from libc.math cimport ceil

from detector.domain.events import Access, SignIn
from detector.engine.routing import Recent, Route
from detector.features import apis as api_memory
from detector.features import networks as network_memory
from detector.features.apis import MOST_SHARED, ApiMemory, shared_with
from detector.features.habits import CAPACITY, SECRET, flow_of, flow_tag, type_tag
from detector.features.known import DAILY, fresh, meet
from detector.features.memory import FleetMemory, IdentityMemory
from detector.features.timeline import HOUR, NEVER, shared

include "slots.pxi"
include "numbers.pxi"


cdef class Meeting:
    """What is known, of one horizon; see `features.known`."""

    cdef object _horizon, _fresh, _meet_all, _never
    cdef long long _lag, _settles, _daily

    def __init__(self, horizon):
        self._horizon, self._fresh, self._meet_all, self._never = horizon, fresh, meet, NEVER
        self._lag, self._settles, self._daily = horizon.lag, horizon.lag + horizon.keep, DAILY

    cdef long long _meet(
        self, dict values, object value, long long hour, object hour_number, Py_ssize_t capacity
    ) except? -1:
        """`known.meet`."""
        cdef PyObject *found = PyDict_GetItemWithError(values, value)
        cdef long long state
        if found == NULL:
            if len(values) >= capacity:
                return <long long>self._meet_all(values, value, hour_number, self._horizon, capacity)
            values[value] = self._fresh(hour_number)
            return -hour
        state = <long long><object>found
        if state > 0:
            if hour >= state + self._daily:
                values[value] = hour_number
                state = hour
        elif hour + state < 0:
            values[value] = self._fresh(hour_number)
            state = -hour
        elif hour + state >= self._settles:
            values[value] = hour_number
            state = hour
        return state

    cdef long long _settled_until(self, long long state, long long hour) noexcept:
        """`known.settled_until`."""
        if state > 0:
            return state + self._daily
        return self._settles - state if state else hour


cdef class Newness(Meeting):
    """Observes granted tokens in place of a `Novelties`."""

    cdef object _novelties, _shared_with
    cdef list _on_access, _on_plain_access, _on_place
    cdef dict _places
    cdef double _young_below, _places_heard_from
    cdef Py_ssize_t _capacity, _floor, _network_capacity, _most_origins, _fold
    cdef Py_ssize_t _access, _origin, _resource, _agent_name, _role, _subject_role, _blueprint
    cdef Py_ssize_t _recent, _identity, _fleet, _hour, _until, _young, _habits_until, _origins
    cdef Py_ssize_t _recent_hour, _recent_until, _recent_young, _recent_origins
    cdef Py_ssize_t _apis, _networks, _named, _name, _fleet_apis, _fleet_networks
    cdef Py_ssize_t _values, _api_hour, _used, _used_before, _closed, _exposure, _distinct, _rest
    cdef long long _keep, _hour_length
    cdef Py_ssize_t _spare, _most_shared

    def __init__(self, novelties, Py_ssize_t most_origins):
        horizon = novelties.horizon
        super().__init__(horizon)
        self._novelties, self._shared_with, self._most_shared = novelties, shared_with, MOST_SHARED
        self._on_access, self._on_plain_access = novelties.on_access, novelties.on_plain_access
        self._on_place, self._places = novelties.on_place, novelties.places
        self._young_below, self._places_heard_from = novelties.young_below, novelties.places_heard_from
        self._capacity, self._floor = novelties.settings.apis.capacity, novelties.settings.apis.spread_floor
        self._network_capacity, self._most_origins = network_memory.CAPACITY, most_origins
        self._fold, self._spare, self._keep, self._hour_length = api_memory.FOLD, api_memory.SPARE, horizon.keep, HOUR
        self._access, self._origin = _place(SignIn, "access"), _place(SignIn, "origin")
        self._resource, self._agent_name = _place(Access, "resource_id"), _place(Access, "agent_name")
        self._role, self._subject_role = _place(Access, "role"), _place(Access, "subject_role")
        self._blueprint = _place(Access, "blueprint_id")
        self._recent, self._identity, self._fleet = _place(Route, "recent"), _place(Route, "identity"), _place(Route, "fleet")
        self._hour, self._until, self._young = _place(Route, "hour"), _place(Route, "until"), _place(Route, "young")
        self._habits_until, self._origins = _place(Route, "habits_until"), _place(Route, "origins")
        self._recent_hour, self._recent_until = _place(Recent, "hour"), _place(Recent, "until")
        self._recent_young, self._recent_origins = _place(Recent, "young"), _place(Recent, "origins")
        self._apis, self._networks = _place(IdentityMemory, "apis"), _place(IdentityMemory, "networks")
        self._named, self._name = _place(IdentityMemory, "named"), _place(IdentityMemory, "name")
        self._fleet_apis, self._fleet_networks = _place(FleetMemory, "apis"), _place(FleetMemory, "networks")
        self._values, self._api_hour = _place(ApiMemory, "values"), _place(ApiMemory, "hour")
        self._used, self._used_before = _place(ApiMemory, "used"), _place(ApiMemory, "used_before")
        self._closed, self._exposure = _place(ApiMemory, "closed"), _place(ApiMemory, "exposure")
        self._distinct, self._rest = _place(ApiMemory, "distinct"), _place(ApiMemory, "rest")

    def observe(self, object route, object event, object hour_number):
        """See `Novelties.observe`."""
        cdef PyObject *way
        cdef PyObject *identity
        cdef PyObject *apis
        cdef PyObject *recent
        cdef long long hour = hour_number, newest
        cdef bint young
        if type(route) is not Route or type(event) is not SignIn:
            raise TypeError("A sign-in on its route is observed.")
        way = <PyObject *>route
        identity, recent = _get(way, self._identity), _get(way, self._recent)
        apis = _get(identity, self._apis)
        newest = <long long><object>_get(apis, self._api_hour)
        if hour < newest or hour < <long long><object>_get(recent, self._recent_hour):
            self._novelties.observe(route, event, hour_number)
            return
        if hour > newest:
            self._begin(apis, <object>_get(apis, self._api_hour), hour, hour_number)
        young = (
            not <double><object>_get(apis, self._exposure)
            and len(<tuple>_get(apis, self._closed)) < self._young_below
        )
        if <long long><object>_get(way, self._hour) != hour:
            self._access_of(route, event, identity, apis, hour, hour_number, young)
        if <long long><object>_get(recent, self._recent_hour) < hour:
            _set(recent, self._recent_hour, hour_number)
            if hour < <long long><object>_get(recent, self._recent_until) and (
                <object>_get(recent, self._recent_young) is young
            ):
                _set(recent, self._recent_origins, set(<object>_get(recent, self._recent_origins)))
            else:
                _set(recent, self._recent_origins, set())
                _set(recent, self._recent_until, self._never)
                _set(recent, self._recent_young, young)
        origins = <object>_get(recent, self._recent_origins)
        _set(way, self._origins, origins)
        origin = <object>_get(<PyObject *>event, self._origin)
        if origin not in <set>origins:
            self._look(route, event, apis, recent, <set>origins, origin, hour, hour_number, young)

    cdef int _begin(self, PyObject *apis, object newest, long long hour, object hour_number) except -1:
        """`Apis.open`."""
        cdef tuple closed = <tuple>_get(apis, self._closed), used = <tuple>_get(apis, self._used)
        cdef tuple before = <tuple>_get(apis, self._used_before)
        if before:
            closed = closed + (shared(newest - 1), len(before))
        if hour == <long long>newest + 1:
            _set(apis, self._used_before, used)
        else:
            if used:
                closed = closed + (newest, len(used))
            _set(apis, self._used_before, ())
        _set(apis, self._used, ())
        _set(apis, self._api_hour, hour_number)
        if len(closed) >= self._fold or <double><object>_get(apis, self._exposure):
            closed = self._folded(apis, closed, hour - self._keep)
        _set(apis, self._closed, closed)
        return 0

    cdef tuple _folded(self, PyObject *apis, tuple closed, long long limit):
        """Folds what `Apis.open` folds; what is left."""
        cdef double exposure = <double><object>_get(apis, self._exposure), start
        cdef double distinct = <double><object>_get(apis, self._distinct)
        cdef long long rest = <long long><object>_get(apis, self._rest), at, after
        cdef Py_ssize_t done = 0
        while done + self._spare < len(closed):
            at, after = <long long>closed[done], <long long>closed[done + self._spare]
            if after > limit:
                break
            start = _weight(<double>(at * self._hour_length))
            exposure += start
            distinct += start * <double><long long>closed[done + 1]
            rest = max(rest, after - at)
            done += 2
        if not done:
            return closed
        _set(apis, self._exposure, exposure)
        _set(apis, self._distinct, distinct)
        _set(apis, self._rest, rest)
        return closed[done:]

    cdef int _access_of(
        self,
        object route,
        object event,
        PyObject *identity,
        PyObject *apis,
        long long hour,
        object hour_number,
        bint young,
    ) except -1:
        """`Novelties._access`."""
        cdef PyObject *way = <PyObject *>route
        cdef PyObject *access = _get(<PyObject *>event, self._access)
        cdef PyObject *name = _get(access, self._agent_name)
        cdef long long before = <long long><object>_get(way, self._hour), named
        cdef object until, look, found
        if not before < hour < <long long><object>_get(way, self._habits_until):
            until = self._never
            for look in self._on_plain_access if self._is_plain(access) else self._on_access:
                found = look(route, event, hour_number)
                if found < until:
                    until = found
            _set(way, self._habits_until, until)
        named = <long long><object>_get(identity, self._named)
        if <object>_get(access, self._role) == "blueprint":
            route.name(<object>access, hour_number)
        elif hour > named:
            if <object>name is not None:
                _set(identity, self._name, <object>name)
                _set(identity, self._named, hour_number)
        elif name != _get(identity, self._name) and <object>name != <object>_get(identity, self._name):
            route.name(<object>access, hour_number)
        resource = <object>_get(access, self._resource)
        if resource is not None:
            self._use(route, event, resource, apis, before, hour, hour_number, young)
        if hour > <long long><object>_get(way, self._hour):
            _set(way, self._hour, hour_number)
        return 0

    cdef bint _is_plain(self, PyObject *access) except -1:
        """`novelties.is_plain`."""
        return (
            <object>_get(access, self._role) == "agent"
            and <object>_get(access, self._subject_role) != "agent_user"
            and <object>_get(access, self._blueprint) is not None
        )

    cdef object _also(self, tuple used, object resource):
        """`apis.also`."""
        return self._shared_with(used, resource) if len(used) < self._most_shared else (*used, resource)

    cdef int _use(
        self,
        object route,
        object event,
        object resource,
        PyObject *apis,
        long long before,
        long long hour,
        object hour_number,
        bint young,
    ) except -1:
        """`Novelties._use`."""
        cdef PyObject *way = <PyObject *>route
        cdef tuple used = <tuple>_get(apis, self._used)
        cdef dict values = <dict>_get(apis, self._values)
        cdef PyObject *found
        cdef long long state
        cdef bint settled = before < hour < <long long><object>_get(way, self._until) and (
            <object>_get(way, self._young) is young
        )
        if not young and not (settled and len(used) < self._floor - 1):
            found = PyDict_GetItemWithError(values, resource)
            state = 0 if found == NULL else <long long><object>found
            if state <= 0 or len(used) >= self._floor - 1:
                self._novelties.use(route, event, resource, hour_number, young=False)
                return 0
            if hour >= state + self._daily:
                values[resource] = hour_number
                state = hour
            if resource not in used:
                _set(apis, self._used, self._also(used, resource))
            _set(way, self._until, state + self._daily)
        else:
            if resource not in used and len(used) < self._capacity:
                _set(apis, self._used, self._also(used, resource))
            if settled:
                return 0
            _set(way, self._until, self._young_resource(way, values, resource, hour, hour_number))
        _set(way, self._young, young)
        return 0

    cdef long long _young_resource(
        self, PyObject *way, dict values, object resource, long long hour, object hour_number
    ) except? -1:
        """`Novelties._young_resource`."""
        cdef PyObject *fleet = _get(way, self._fleet)
        cdef long long state = self._meet(values, resource, hour, hour_number, self._capacity)
        cdef long long until = self._settled_until(state, hour)
        if <object>fleet is not None and hour + state < self._lag:
            state = self._meet(<dict>_get(fleet, self._fleet_apis), resource, hour, hour_number, self._capacity)
            until = min(until, self._settled_until(state, hour))
        return until

    cdef int _look(
        self,
        object route,
        object event,
        PyObject *apis,
        PyObject *recent,
        set origins,
        object origin,
        long long hour,
        object hour_number,
        bint young,
    ) except -1:
        """`Novelties._look`."""
        cdef PyObject *known = PyDict_GetItemWithError(self._places, origin)
        cdef object where = self._novelties.place(origin) if known == NULL else <object>known
        cdef double seen
        cdef long long until
        if <double><object>_get(apis, self._exposure) or (
            len(<tuple>_get(apis, self._closed)) + 2 >= 2 * self._places_heard_from
        ):
            for look in self._on_place:
                look(route, event, hour_number)
        if where not in origins:
            until = self._see(route, event, where, hour, hour_number, young)
            if until < <long long><object>_get(recent, self._recent_until):
                _set(recent, self._recent_until, until)
        if len(origins) < self._most_origins:
            origins.add(where)
            origins.add(origin)
        else:
            _set(recent, self._recent_until, hour_number)
        return 0

    cdef long long _see(
        self, object route, object event, object where, long long hour, object hour_number, bint young
    ) except? -1:
        """`Novelties._see`."""
        cdef PyObject *way = <PyObject *>route
        cdef PyObject *fleet = _get(way, self._fleet)
        cdef object networks = <object>_get(_get(way, self._identity), self._networks)
        cdef long long until, of_fleet
        if not young:
            return <long long>self._novelties.seen_place(route, event, where, hour_number)
        until = self._never
        if self._network(<dict>networks, <tuple>where, hour, hour_number, &until) and <object>fleet is not None:
            of_fleet = self._never
            self._network(<dict>_get(fleet, self._fleet_networks), <tuple>where, hour, hour_number, &of_fleet)
            until = min(until, of_fleet)
        return until

    cdef bint _network(
        self, dict values, tuple where, long long hour, object hour_number, long long *until
    ) except -1:
        """`Networks.meet`: whether some level is new."""
        cdef object each
        cdef PyObject *found
        cdef long long state
        cdef int level
        cdef bint new = False
        each = where[0]
        if each is not None:
            state = self._meet(values, each, hour, hour_number, self._network_capacity)
            until[0] = self._settled_until(state, hour)
            if state > 0 or (state < 0 and hour + state >= self._lag):
                return False
            new = True
        for level in range(1, 3):
            each = where[level]
            if each is not None:
                found = PyDict_GetItemWithError(values, each)
                state = 0 if found == NULL else <long long><object>found
                if not state or hour + state < self._lag:
                    new = True
                    if not self._meet(values, each, hour, hour_number, self._network_capacity):
                        until[0] = hour
        return new


cdef class Early:
    """Looks at newcomers in place of an `EarlyLife`."""

    cdef object _early, _never
    cdef double _young, _hour_length
    cdef long long _lag
    cdef Py_ssize_t _access, _resource, _identity, _fleet, _fleet_rates, _first_seen, _fleet_seen

    def __init__(self, early):
        self._early, self._never = early, NEVER
        self._young, self._hour_length, self._lag = early.young, HOUR, early.horizon.lag
        self._access, self._resource = _place(SignIn, "access"), _place(Access, "resource_id")
        self._identity, self._fleet = _place(Route, "identity"), _place(Route, "fleet")
        self._fleet_rates = _place(Route, "fleet_rates")
        self._first_seen, self._fleet_seen = _place(IdentityMemory, "first_seen"), _place(FleetMemory, "first_seen")

    def look(self, route, event, hour_number):
        """See `EarlyLife.look`."""
        cdef PyObject *way
        cdef long long hour = hour_number, known
        cdef double now = hour * self._hour_length, established
        if type(route) is not Route or type(event) is not SignIn:
            raise TypeError("A sign-in on its route is looked at.")
        way = <PyObject *>route
        if <object>_get(way, self._fleet_rates) is None or (
            <object>_get(_get(<PyObject *>event, self._access), self._resource) is None
        ):
            return self._never
        if now - <double><object>_get(_get(way, self._identity), self._first_seen) >= self._young:
            return self._never
        established = <double><object>_get(_get(way, self._fleet), self._fleet_seen) + 2 * self._young
        if now >= established:
            return self._early.look(route, event, hour_number)
        known = <long long>ceil(established / self._hour_length) - self._lag
        return known if known > hour else hour_number


cdef class Looking(Meeting):
    """Looks at what accesses show of habits in place of a `Habits`."""

    cdef object _habits, _type_tag, _flow_tag, _flow_of, _secret
    cdef double _newborn_below
    cdef Py_ssize_t _capacity
    cdef bint _declared
    cdef Py_ssize_t _access, _type, _key, _identity, _fleet, _known, _flows, _apis, _hour, _exposure, _closed

    def __init__(self, habits):
        super().__init__(habits.horizon)
        self._habits, self._type_tag, self._flow_tag, self._flow_of = habits, type_tag, flow_tag, flow_of
        self._secret, self._capacity = SECRET, CAPACITY
        self._newborn_below = 2 * habits.least_seen
        self._declared = habits.settings.declarations is not None
        self._access, self._type = _place(SignIn, "access"), _place(Access, "credential_type")
        self._key = _place(Access, "credential_key_id")
        self._identity, self._fleet = _place(Route, "identity"), _place(Route, "fleet")
        self._known, self._flows = _place(IdentityMemory, "habits"), _place(FleetMemory, "flows")
        self._apis, self._hour = _place(IdentityMemory, "apis"), _place(ApiMemory, "hour")
        self._exposure, self._closed = _place(ApiMemory, "exposure"), _place(ApiMemory, "closed")

    def look(self, route, event, hour_number):
        """See `Habits.look`."""
        cdef PyObject *access
        cdef PyObject *identity
        cdef PyObject *fleet
        cdef object values, flows = None, kind, tag, flow
        cdef dict known, of_fleet = None
        cdef long long hour = hour_number, until
        cdef bint newborn
        if type(route) is not Route or type(event) is not SignIn:
            raise TypeError("A sign-in on its route is looked at.")
        access = _get(<PyObject *>event, self._access)
        identity, fleet = _get(<PyObject *>route, self._identity), _get(<PyObject *>route, self._fleet)
        values, kind = <object>_get(identity, self._known), <object>_get(access, self._type)
        if self._declared or <object>_get(access, self._key) is not None or kind == self._secret:
            return self._habits.look(route, event, hour_number)
        known = {} if values is None else <dict>values
        newborn = self._newborn(_get(identity, self._apis), hour)
        tag = None if kind is None else self._type_tag(kind)
        flow = self._flow_of(<object>access)
        if flow is not None:
            flow = self._flow_tag(flow)
            if <object>fleet is not None:
                flows = <object>_get(fleet, self._flows)
                of_fleet = {} if flows is None else <dict>flows
        if not (self._quiet(known, tag, hour, newborn) and self._quiet(known, flow, hour, newborn)):
            return self._habits.look(route, event, hour_number)
        if values is None:
            _set(identity, self._known, known)
        until = self._until(known, tag, hour, hour_number)
        until = min(until, self._until(known, flow, hour, hour_number))
        if of_fleet is not None:
            if flows is None:
                _set(fleet, self._flows, of_fleet)
            until = min(until, self._until(of_fleet, flow, hour, hour_number))
        return until

    cdef bint _newborn(self, PyObject *apis, long long hour) except -1:
        """Whether an identity is not heard: `is_newborn` in its newest hour."""
        return (
            <long long><object>_get(apis, self._hour) == hour
            and not <double><object>_get(apis, self._exposure)
            and len(<tuple>_get(apis, self._closed)) + 2 < self._newborn_below
        )

    cdef bint _quiet(self, dict values, object tag, long long hour, bint newborn) except -1:
        """Whether nothing is to be said of a value that is met (`Habits._meet`)."""
        cdef PyObject *found
        cdef long long state
        if tag is None:
            return True
        found = PyDict_GetItemWithError(values, tag)
        if found == NULL:
            return newborn and len(values) + 1 < self._capacity
        state = <long long><object>found
        return state > 0 or newborn or hour + state >= self._lag

    cdef long long _until(self, dict values, object tag, long long hour, object hour_number) except? -1:
        """Meets a value; the hour before which it need not be met again."""
        if tag is None:
            return self._never
        return self._settled_until(self._meet(values, tag, hour, hour_number, self._capacity), hour)
