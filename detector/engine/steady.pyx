# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The steady record, compiled: what `folding.Plain` does, without the interpreter between its steps.

Nearly every record is a granted token of an access and place that were met before. For it a handful of fields are read,
a few counts grow, and nothing is called: also when it is the first of its agent in ten minutes, or when it comes a
little late (`_rolled` and `_inserted` are `token_rate.roll` and `token_rate.insert` where these need nobody else). The
fields are those of the ordinary Python objects: slots, whose
places in the object their descriptors tell, as the interpreter itself reads them. So memory has one form, everything else
of the engine is Python, and whatever is not steady is handed to it. `tests/engine/test_folding.py` holds the two folds
against each other.

What costs most is waiting for memory, for what is kept of thousands of agents lies scattered. So what the records of a
stretch will touch is asked for before the first of them is folded.
"""

from detector.domain.events import Access, SignIn
from detector.engine.folding import Folded
from detector.engine.routing import Route
from detector.features.fleet import FleetHours, learn
from detector.features.memory import FleetMemory, IdentityMemory
from detector.features.sustained import MINUTE, MOST, RUNGS, WINDOW, beginning
from detector.features.timeline import STEP, STEPS_PER_HOUR, STEPS_PER_SIX_HOURS, shared
from detector.features.token_rate import FOLD, WITNESSED, RateMemory, hour_of

from libc.string cimport memset

include "slots.pxi"
include "numbers.pxi"

cdef extern from *:
    """
    /* What is written to must not be known by the hash of what it was. */
    #define NEW_HASH(text) (((PyBytesObject *)(text))->ob_shash = -1)
    """
    void NEW_HASH(PyObject *text) nogil

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *of) nogil
    PyObject *PyDict_GetItem(object among, object key)
    Py_ssize_t LENGTH "PyBytes_GET_SIZE"(PyObject *text) nogil
    char *TEXT "PyBytes_AS_STRING"(PyObject *text) nogil

cdef Py_ssize_t IN_WINDOW = WINDOW
cdef double SECONDS = MINUTE
cdef int MOST_IN_MINUTE = MOST
cdef unsigned char IS_RUNG[256]
for _rung in range(256):
    IS_RUNG[_rung] = _rung == 1 or _rung in RUNGS


cdef inline unsigned char *_counts(PyObject *text) noexcept nogil:
    return <unsigned char *>TEXT(text)


def copies(set ids not None, list digests not None):
    """`folding.copies`, with the memory of all asked for before the first is looked up."""
    cdef Py_ssize_t place, before
    cdef list found = []
    for place in range(len(digests)):
        WARM_ENTRY(<PyObject *>ids, hash(digests[place]))
    for place in range(len(digests)):
        before = PySet_GET_SIZE(ids)
        ids.add(digests[place])
        if PySet_GET_SIZE(ids) == before:
            found.append(place)
    return found


cdef PyObject *SIGN_IN = <PyObject *>SignIn
cdef Py_ssize_t TIME = _place(SignIn, "time")


def times_of(events):
    """`folding.times_of`."""
    cdef list told = events if type(events) is list else list(events)
    cdef double low = 0.0, high = 0.0, time
    cdef PyObject *earliest = NULL
    cdef PyObject *latest = NULL
    cdef PyObject *at
    cdef object event
    for event in told:
        if <PyObject *>Py_TYPE(event) != SIGN_IN:
            return None
        at = _get(<PyObject *>event, TIME)
        time = <double><object>at
        if earliest == NULL or time < low:
            earliest, low = at, time
        if latest == NULL or time > high:
            latest, high = at, time
    return None if earliest == NULL else (<object>earliest, <object>latest)


cdef Py_ssize_t _at_most(tuple closed, long long number) except -2:
    """The place of the latest of some closed buckets that is not later than `number`; -3 when all are."""
    cdef Py_ssize_t place = len(closed) - 3
    while place >= 0 and <long long>closed[place] > number:
        place -= 3
    return place


cdef inline bint _would_trip(tuple closed, Py_ssize_t place) except -1:
    """Whether a closed bucket is to be looked at when it holds one more."""
    return <long long>closed[place + 1] + 1 >= <long long>closed[place + 2]


cdef inline tuple _raised(tuple closed, Py_ssize_t place):
    """Closed buckets, one of which holds one more."""
    return _with(closed, place + 1, <long long>closed[place + 1] + 1)


cdef class Compiled:
    """Folds stretches of events; see `folding.Plain`, which takes and does the same."""

    cdef object _router, _judge, _older, _judge_fleet, _older_fleet
    cdef object _activate, _crowded, _refused, _remarkable, _novel, _other, _place_of
    cdef PyObject *_sign_in
    cdef PyObject *_access_kind
    cdef PyObject *_route_kind
    cdef PyObject *_rates_kind
    cdef Py_ssize_t _time, _access, _origin, _route
    cdef Py_ssize_t _epoch, _failed, _rates, _fleet_rates, _hour, _origins
    cdef Py_ssize_t _bucket, _n, _trip, _granted, _armed
    cdef Py_ssize_t _hour_n, _six_n, _step_check, _hour_check, _six_check, _steps, _hours, _sixes
    cdef Py_ssize_t _identity, _fleet, _principal, _agent, _first_seen, _fleet_seen, _fleet_hours, _active
    cdef object _horizon
    cdef tuple _floors, _fleet_floors
    cdef dict _buckets
    cdef long long _final
    cdef long long _crowd, _per_hour, _per_six
    cdef double _step
    cdef Py_ssize_t _base, _fold
    cdef Py_ssize_t _minutes, _size
    cdef list _beginning
    cdef dict _usual
    cdef Py_ssize_t _id
    cdef object _reached, _count, _open
    cdef long long[3] _keep
    cdef long long[3] _span

    def __init__(self, steps):
        self._router = steps.router
        counting = steps.counting
        self._judge, self._older = counting.judge, counting.older_bucket
        self._judge_fleet, self._older_fleet = counting.judge_fleet, counting.older_fleet_bucket
        self._activate, self._crowded = counting.activate, counting.fanning.active
        self._refused, self._remarkable, self._novel = steps.refused, steps.remarkable, steps.novel
        self._other, self._place_of = steps.other, steps.place_of
        self._sign_in, self._access_kind = <PyObject *>SignIn, <PyObject *>Access
        self._route_kind, self._rates_kind = <PyObject *>Route, <PyObject *>RateMemory
        self._time, self._access, self._origin = _place(SignIn, "time"), _place(SignIn, "access"), _place(SignIn, "origin")
        self._route = _place(Access, "route")
        self._epoch, self._failed, self._rates = _place(Route, "epoch"), _place(Route, "failed"), _place(Route, "rates")
        self._fleet_rates, self._hour = _place(Route, "fleet_rates"), _place(Route, "hour")
        self._origins = _place(Route, "origins")
        self._bucket, self._n, self._trip = _place(RateMemory, "bucket"), _place(RateMemory, "n"), _place(RateMemory, "trip")
        self._granted, self._armed = _place(RateMemory, "granted"), _place(RateMemory, "armed")

        self._hour_n, self._six_n = _place(RateMemory, "hour_n"), _place(RateMemory, "six_n")
        self._step_check, self._hour_check = _place(RateMemory, "step_check"), _place(RateMemory, "hour_check")
        self._six_check, self._steps = _place(RateMemory, "six_check"), _place(RateMemory, "steps")
        self._hours, self._sixes = _place(RateMemory, "hours"), _place(RateMemory, "sixes")
        self._identity, self._fleet = _place(Route, "identity"), _place(Route, "fleet")
        self._principal, self._agent = _place(Access, "service_principal_id"), _place(Access, "agent_id")
        self._first_seen, self._fleet_seen = _place(IdentityMemory, "first_seen"), _place(FleetMemory, "first_seen")
        self._fleet_hours, self._active = _place(FleetMemory, "hours"), _place(FleetHours, "active")
        self._floors, self._fleet_floors = counting.settings.agent_rates.floors, counting.settings.blueprint_rates.floors
        self._buckets = {}
        self._horizon, self._final = counting.spans[1], counting.spans[1].keep
        self._crowd = counting.fanning.floor
        self._per_hour, self._per_six, self._step = STEPS_PER_HOUR, STEPS_PER_SIX_HOURS, STEP
        self._base, self._fold = _place(RateMemory, "base"), FOLD
        for place, horizon in enumerate(counting.spans):
            self._keep[place], self._span[place] = horizon.keep, horizon.span
        self._keep[1] = max(self._keep[1], WITNESSED)
        self._minutes, self._size = _place(RateMemory, "minutes"), counting.sustaining.size
        self._beginning = [beginning(minute, self._size) for minute in range(WINDOW)]
        self._reached, self._count = counting.sustaining.reached, counting.sustaining.counted
        self._open, self._usual = counting.sustaining.opened, counting.sustaining.usual
        self._id = _place(IdentityMemory, "id")

    # ------------------------------------------------------------------------------------------------ minutes

    cdef int _opened(self, object event, PyObject *rates, long long bucket, double since) except -1:
        """`Sustaining.opened`, with the seconds since the bucket began."""
        cdef PyObject *counts = _get(rates, self._minutes)
        cdef Py_ssize_t minute = <Py_ssize_t>(since / SECONDS), size = self._size, moved, place, kept
        cdef long long buckets = bucket - <long long><object>_get(rates, self._bucket)
        cdef unsigned char *old
        cdef object new
        cdef bint empty = True
        if buckets * IN_WINDOW < size and LENGTH(counts) == size:
            moved = buckets * IN_WINDOW
            kept, old = size - moved, _counts(counts)
            for place in range(moved, size):
                if old[place]:
                    empty = False
                    break
        elif LENGTH(counts) != size and LENGTH(counts) != 0:  # counted for another lateness
            self._open(<object>rates, event, bucket)
            return 0
        if empty:
            _set(rates, self._minutes, <object>self._beginning[minute])
            return 0
        new = PyBytes_FromStringAndSize(NULL, size)
        memcpy(PyBytes_AS_STRING(new), <char *>old + moved, kept)
        memset(PyBytes_AS_STRING(new) + kept, 0, moved)
        PyBytes_AS_STRING(new)[size - IN_WINDOW + minute] = 1
        _set(rates, self._minutes, new)
        return 0

    cdef int _counted(self, object route, object event, PyObject *rates, Py_ssize_t behind, double since) except -1:
        """`Sustaining.counted`, with how many buckets the request's lies behind the newest, and the seconds since it began."""
        cdef PyObject *known = _get(rates, self._minutes)
        cdef Py_ssize_t size = self._size
        cdef Py_ssize_t place = size - IN_WINDOW * (behind + 1) + <Py_ssize_t>(since / SECONDS)
        cdef unsigned char *counts
        cdef object new
        cdef int most
        if LENGTH(known) != size:  # counted for another lateness
            self._count(route, event, <long long><object>_get(rates, self._bucket) - behind)
            return 0
        if place < 0 or _counts(known)[place] == MOST_IN_MINUTE:
            return 0
        if Py_REFCNT(known) == 1:  # nobody else holds it, so it may be written to
            NEW_HASH(known)
            counts = _counts(known)
        else:
            new = PyBytes_FromStringAndSize(TEXT(known), size)
            _set(rates, self._minutes, new)
            counts = _counts(<PyObject *>new)
        counts[place] += 1
        if IS_RUNG[counts[place]] and self._goes_on(counts, place):
            most = counts[place]
            if behind or most == 1 or not self._is_usual(<PyObject *>route, rates, most):
                most = self._filled(counts, place)
                if most and (behind or not self._is_usual(<PyObject *>route, rates, most)):
                    self._reached(route, event, place)
        return 0

    cdef bint _is_usual(self, PyObject *route, PyObject *rates, int least) except -1:
        """Whether so many requests a minute are known to be usual in the newest bucket, see `Sustaining.usual`."""
        cdef PyObject *known = PyDict_GetItem(self._usual, <object>_get(_get(route, self._identity), self._id))
        return (
            known != NULL
            and PyTuple_GET_ITEM(<object>known, 0) == rates
            and <long long><object>PyTuple_GET_ITEM(<object>known, 1) == <long long><object>_get(rates, self._bucket)
            and least <= <long long><object>PyTuple_GET_ITEM(<object>known, 2)
        )

    cdef inline bint _goes_on(self, unsigned char *counts, Py_ssize_t place) noexcept:
        """Whether enough was asked for in a minute beside it; nearly never, and then nothing is filled."""
        cdef unsigned char least = 2 if counts[place] == 1 else 1
        return (place > 0 and counts[place - 1] >= least) or (place + 1 < self._size and counts[place + 1] >= least)

    cdef int _filled(self, unsigned char *counts, Py_ssize_t place) noexcept:
        """Up to which rung `sustained.filled` may find something; 0 when it finds nothing."""
        cdef unsigned char own = counts[place], least = max(own, 2)
        cdef Py_ssize_t start, at
        cdef int short, fewest, most = 0
        for start in range(max(0, place - IN_WINDOW + 1), min(self._size - IN_WINDOW, place) + 1):
            short, fewest = 0, 255
            for at in range(start, start + IN_WINDOW):
                if counts[at] < least:
                    short += 1
                    if short > 1 or counts[at] == 0:
                        break
                elif counts[at] < fewest:
                    fewest = counts[at]
            else:
                most = max(most, own if own > 1 else fewest)
        return most

    # -------------------------------------------------------------------------------------------------- rates

    cdef bint _activated(
        self, object route, object event, PyObject *fleet, long long hour, object hour_number
    ) except -1:
        """`Counting.activate`; false, and nothing done, for the first hour of all, one before the newest, and crowds of one."""
        cdef list active = <list>_get(_get(fleet, self._fleet_hours), self._active)
        cdef Py_ssize_t last = len(active) - 2
        cdef long long agents
        if self._crowd <= 1 or last < 0 or <long long>active[last] > hour:
            return False
        if <long long>active[last] < hour:
            active.append(hour_number)
            active.append(1)
            return True
        agents = <long long>active[last + 1] + 1
        active[last + 1] = agents
        if agents >= self._crowd:
            self._crowded(route, event, hour_number, agents)
        return True

    cdef int _rolled(
        self,
        object route,
        object event,
        PyObject *rates,
        PyObject *fleet_rates,
        object bucket_number,
        object hour_number,
        double since,
    ) except -1:
        """`Counting.open_bucket` but for the judging, with the seconds since the bucket began."""
        cdef long long old = <long long><object>_get(rates, self._bucket), hour = hour_number
        if <object>fleet_rates is not None and old // self._per_hour != hour:
            if not self._activated(route, event, _get(<PyObject *>route, self._fleet), hour, hour_number):
                self._activate(route, event, hour_number)
        self._opened(event, rates, bucket_number, since)
        self._roll(rates, bucket_number, hour, self._floors)
        return 0

    cdef int _rolled_fleet(self, object route, PyObject *rates, object bucket_number, object hour_number) except -1:
        """`Counting.open_fleet_bucket` but for the judging."""
        cdef long long old = <long long><object>_get(rates, self._bucket), hour = hour_number
        cdef PyObject *hours
        cdef list active
        if old // self._per_hour != hour:
            hours = _get(_get(<PyObject *>route, self._fleet), self._fleet_hours)
            active = <list>_get(hours, self._active)
            if active and <long long>active[0] <= hour - self._final:
                learn(<object>hours, <object>rates, hour_number, self._horizon)
        self._roll(rates, bucket_number, hour, self._fleet_floors)
        return 0

    cdef int _roll(self, PyObject *rates, object bucket_number, long long hour, tuple floors) except -1:
        """`token_rate.roll`."""
        cdef long long bucket = bucket_number
        cdef object old = <object>_get(rates, self._bucket), n = <object>_get(rates, self._n)
        cdef long long hour_n = <long long><object>_get(rates, self._hour_n) + <long long>n
        cdef long long six_n = <long long><object>_get(rates, self._six_n) + <long long>n
        cdef long long old_six = <long long>old // self._per_six, six = bucket // self._per_six
        cdef tuple steps, hours, sixes
        if <long long>old < 0:
            self._begin(rates, bucket_number, floors)
            return 0
        steps = _longer(<tuple>_get(rates, self._steps), old, n, <object>_get(rates, self._step_check))
        _set(rates, self._step_check, floors[0])
        if <long long>old // self._per_hour != hour:
            steps = self._folded(rates, 0, steps, bucket)
            hours = _longer(
                <tuple>_get(rates, self._hours), hour_of(old), hour_n, <object>_get(rates, self._hour_check)
            )
            if len(hours) >= self._fold or _learned(<bytes>_get(rates, self._base))[3] != 0.0:
                hours = self._folded(rates, 1, hours, hour)
            _set(rates, self._hours, hours)
            _set(rates, self._hour_check, floors[1])
            hour_n = 0
            if old_six != six:
                sixes = _longer(
                    <tuple>_get(rates, self._sixes), shared(old_six), six_n, <object>_get(rates, self._six_check)
                )
                _set(rates, self._sixes, self._folded(rates, 2, sixes, six))
                _set(rates, self._six_check, floors[2])
                six_n = 0
        _set(rates, self._steps, steps)
        _set(rates, self._hour_n, hour_n)
        _set(rates, self._six_n, six_n)
        _set(rates, self._trip, self._trip_of(rates, hour_n, six_n))
        _set(rates, self._bucket, bucket_number)
        _set(rates, self._n, 1)
        return 0

    cdef int _begin(self, PyObject *rates, object bucket_number, tuple floors) except -1:
        """The first bucket of all."""
        _set(rates, self._bucket, bucket_number)
        _set(rates, self._n, 1)
        _set(rates, self._step_check, floors[0])
        _set(rates, self._hour_check, floors[1])
        _set(rates, self._six_check, floors[2])
        _set(rates, self._trip, self._trip_of(
            rates, <long long><object>_get(rates, self._hour_n), <long long><object>_get(rates, self._six_n)
        ))
        return 0

    cdef tuple _folded(self, PyObject *rates, int span_index, tuple closed, long long newest):
        """`token_rate._fold`."""
        cdef long long limit = newest - self._keep[span_index]
        cdef bytes base
        cdef Py_ssize_t done
        if <long long>closed[0] > limit:
            return closed
        base = _copy(<bytes>_get(rates, self._base))
        done = _learn(_learned(base) + 3 * span_index, self._span[span_index], closed, limit)
        _set(rates, self._base, base)
        return closed[done:]

    cdef bint _inserted(self, PyObject *rates, object bucket_number, object step_floor) except -1:
        """`token_rate.insert`, where nothing is to be looked at; false, and nothing done, where something may be.

        So it is with the first record of an hour or of six hours that are over, too.
        """
        cdef tuple steps = <tuple>_get(rates, self._steps), hours = <tuple>_get(rates, self._hours)
        cdef tuple sixes = <tuple>_get(rates, self._sixes)
        cdef long long bucket = bucket_number, newest = <long long><object>_get(rates, self._bucket)
        cdef long long hour_n = <long long><object>_get(rates, self._hour_n)
        cdef long long six_n = <long long><object>_get(rates, self._six_n), trip
        cdef Py_ssize_t step = _at_most(steps, bucket), hour = -1, six = -1
        cdef bint known = step >= 0 and <long long>steps[step] == bucket
        if newest // self._per_hour == bucket // self._per_hour:
            hour_n += 1
        else:
            hour = _at_most(hours, bucket // self._per_hour)
            if hour < 0 or <long long>hours[hour] != bucket // self._per_hour or _would_trip(hours, hour):
                return False
        if newest // self._per_six == bucket // self._per_six:
            six_n += 1
        else:
            six = _at_most(sixes, bucket // self._per_six)
            if six < 0 or <long long>sixes[six] != bucket // self._per_six or _would_trip(sixes, six):
                return False
        trip = self._trip_of(rates, hour_n, six_n)
        if (_would_trip(steps, step) if known else <long long>step_floor <= 1) or (
            <long long><object>_get(rates, self._n) >= trip
        ):
            return False
        if known:
            _set(rates, self._steps, _raised(steps, step))
        else:
            _set(rates, self._steps, steps[:step + 3] + (bucket_number, 1, step_floor) + steps[step + 3:])
        if hour >= 0:
            _set(rates, self._hours, _raised(hours, hour))
        if six >= 0:
            _set(rates, self._sixes, _raised(sixes, six))
        _set(rates, self._hour_n, hour_n)
        _set(rates, self._six_n, six_n)
        _set(rates, self._trip, trip)
        return True

    cdef long long _trip_of(self, PyObject *rates, long long hour_n, long long six_n) except? -1:
        cdef long long step = <long long><object>_get(rates, self._step_check)
        cdef long long hour = <long long><object>_get(rates, self._hour_check) - hour_n
        cdef long long six = <long long><object>_get(rates, self._six_check) - six_n
        return min(step, hour, six)

    cdef bint _in_order(self, PyObject *route, PyObject *access, long long bucket) except -1:
        """Whether a record of an older bucket shows nobody to be somebody earlier than known (`Router.learn_earlier`)."""
        cdef double since = <double>bucket * self._step
        cdef PyObject *principal = _get(access, self._principal)
        cdef PyObject *fleet = _get(route, self._fleet)
        if <object>principal is not None and principal != _get(access, self._agent):
            return False
        if since < <double><object>_get(_get(route, self._identity), self._first_seen):
            return False
        return <object>fleet is None or since >= <double><object>_get(fleet, self._fleet_seen)

    # ---------------------------------------------------------------------------------------------- stretches

    cdef PyObject *_way_of(self, PyObject *event) noexcept:
        """What an event's access leads to; NULL when it is none of a sign-in."""
        cdef PyObject *access
        if <PyObject *>Py_TYPE(<object>event) != self._sign_in:
            return NULL
        access = (<PyObject **>(<char *>event + self._access))[0]
        if access == NULL or <PyObject *>Py_TYPE(<object>access) != self._access_kind:
            return NULL
        return (<PyObject **>(<char *>access + self._route))[0]

    cdef int _warm(self, list events) except -1:
        """Asks for the memory that a stretch will touch."""
        cdef PyObject *route
        cdef PyObject *rates
        cdef Py_ssize_t place
        for place in range(len(events)):
            route = self._way_of(<PyObject *>events[place])
            if route != NULL:
                WARM(route)
                WARM_NEXT(route)
        for place in range(len(events)):
            route = self._way_of(<PyObject *>events[place])
            if route != NULL and <PyObject *>Py_TYPE(<object>route) == self._route_kind:
                WARM(_get(route, self._rates))
                WARM_NEXT(_get(route, self._rates))
                WARM(_get(route, self._origins))
        for place in range(len(events)):
            route = self._way_of(<PyObject *>events[place])
            if route != NULL and <PyObject *>Py_TYPE(<object>route) == self._route_kind:
                rates = _get(route, self._rates)
                self._hold(rates)
                WARM(_get(rates, self._minutes))
                WARM_NEXT(_get(rates, self._minutes))
        return 0

    def fold(self, events, object newest not None, double lateness):
        """Folds a stretch; `newest` is the watermark before it."""
        cdef list told = events if type(events) is list else list(events)
        cdef dict buckets = self._buckets
        cdef Py_ssize_t place, late = 0, unwatched = 0, left_out = 0
        cdef double watermark = newest, oldest = watermark - lateness, time, low = 0.0, high = 0.0
        cdef long long bucket = -1, hour = -1, n
        cdef object bucket_number = None, hour_number = None, epoch = self._router.epoch
        cdef object event, route, at, known, number
        cdef PyObject *access
        cdef PyObject *rates
        cdef PyObject *fleet_rates
        cdef PyObject *value
        self._warm(told)
        if len(buckets) > 64:
            buckets.clear()
        for place in range(len(told)):
            event = told[place]
            if <PyObject *>Py_TYPE(event) == self._sign_in:
                at = <object>_get(<PyObject *>event, self._time)
            else:
                at = event.time
            time = at
            if time > watermark:
                watermark, oldest, newest = time, time - lateness, at
            elif time < oldest:
                late += 1
                continue
            if time < low or time >= high:
                number = <long long>time // <long long>STEP
                known = buckets.get(number)
                if known is None:
                    known = buckets[number] = self._place_of(number)
                bucket_number, hour_number, low, high = known
                bucket, hour = bucket_number, hour_number
            if <PyObject *>Py_TYPE(event) != self._sign_in:
                left_out += 1 if self._other(event) else 0
                continue
            access = _get(<PyObject *>event, self._access)
            if <PyObject *>Py_TYPE(<object>access) != self._access_kind:
                raise TypeError("The access of a sign-in is an Access.")
            route = <object>_get(access, self._route)
            if route is None or <PyObject *>Py_TYPE(route) != self._route_kind or (
                _get(<PyObject *>route, self._epoch) != <PyObject *>epoch
            ):
                route = self._router.route(<object>access, at, hour_number)
                epoch = self._router.epoch
                if route is None:
                    unwatched += 1
                    continue
            rates = _get(<PyObject *>route, self._rates)
            self._hold(rates)
            fleet_rates = _get(<PyObject *>route, self._fleet_rates)
            value = _get(rates, self._bucket)
            if value == <PyObject *>bucket_number or <long long><object>value == bucket:
                n = <long long><object>_get(rates, self._n) + 1
                _set(rates, self._n, n)
                if n >= <long long><object>_get(rates, self._trip):
                    self._judge(route, event, hour_number)
                self._counted(route, event, rates, 0, time - low)
            elif <long long><object>value < bucket:
                self._rolled(route, event, rates, fleet_rates, bucket_number, hour_number, time - low)
                if 1 >= <long long><object>_get(rates, self._trip):
                    self._judge(route, event, hour_number)
            elif self._in_order(<PyObject *>route, access, bucket) and self._inserted(
                rates, bucket_number, self._floors[0]
            ):
                self._counted(route, event, rates, <long long><object>value - bucket, time - low)
            else:
                self._older(route, event, bucket_number)
            if <object>fleet_rates is not None:
                self._hold(fleet_rates)
                value = _get(fleet_rates, self._bucket)
                if value == <PyObject *>bucket_number or <long long><object>value == bucket:
                    n = <long long><object>_get(fleet_rates, self._n) + 1
                    _set(fleet_rates, self._n, n)
                    if n >= <long long><object>_get(fleet_rates, self._trip):
                        self._judge_fleet(route, event, hour_number)
                elif <long long><object>value < bucket:
                    self._rolled_fleet(route, fleet_rates, bucket_number, hour_number)
                    if 1 >= <long long><object>_get(fleet_rates, self._trip):
                        self._judge_fleet(route, event, hour_number)
                elif not self._inserted(fleet_rates, bucket_number, self._fleet_floors[0]):
                    self._older_fleet(route, event, bucket_number)
            if <object>_get(<PyObject *>route, self._failed) is True:
                self._refused(route, event, hour_number)
                continue
            if time > <double><object>_get(rates, self._granted):
                _set(rates, self._granted, at)
            if time > <double><object>_get(rates, self._armed):
                self._remarkable(route, event)
            value = _get(<PyObject *>route, self._hour)
            if (value != <PyObject *>hour_number and <long long><object>value != hour) or not PySet_Contains(
                _get(<PyObject *>route, self._origins), _get(<PyObject *>event, self._origin)
            ):
                self._novel(route, event, hour_number)
        return Folded(newest, late, unwatched, left_out)

    cdef inline int _hold(self, PyObject *rates) except -1:
        """Slots are only looked for in objects that have them."""
        if <PyObject *>Py_TYPE(<object>rates) != self._rates_kind:
            raise TypeError("The rates of a route are a RateMemory.")
        return 0
