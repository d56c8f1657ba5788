# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The steady record, compiled: what `folding.Plain` does, without the interpreter between its steps.

Nearly every record is a granted token of an access, place and ten minutes that were met before. For it a handful of
fields are read, two counts grow, and nothing is called. The fields are those of the ordinary Python objects: slots, whose
places in the object their descriptors tell, as the interpreter itself reads them. So memory has one form, everything else
of the engine is Python, and whatever is not steady is handed to it. `tests/engine/test_folding.py` holds the two folds
against each other.

What costs most is waiting for memory, for what is kept of thousands of agents lies scattered. So what the records of a
stretch will touch is asked for before the first of them is folded.
"""

from cpython.object cimport PyObject, Py_TYPE
from cpython.ref cimport Py_DECREF, Py_INCREF

from detector.domain.events import Access, SignIn
from detector.engine.folding import Folded
from detector.engine.routing import Route
from detector.features.timeline import STEP
from detector.features.token_rate import RateMemory

cdef extern from *:
    """
    #include <structmember.h>

    /* Where the object keeps a slot; -1 when the descriptor is of another kind. */
    static Py_ssize_t PLACE_OF(PyObject *descriptor) {
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return -1;
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX || member->type == T_OBJECT ? member->offset : -1;
    }
    #define WARM(pointer) __builtin_prefetch((const char *)(pointer))
    #define WARM_NEXT(pointer) __builtin_prefetch((const char *)(pointer) + 64)
    """
    Py_ssize_t PLACE_OF(object descriptor)
    void WARM(PyObject *pointer) nogil
    void WARM_NEXT(PyObject *pointer) nogil

cdef extern from "Python.h":
    int PySet_Contains(PyObject *among, PyObject *key) except -1


cdef Py_ssize_t _place(object kind, str name) except -1:
    """Where objects of a type keep a slot."""
    for each in kind.__mro__:
        if name in vars(each):
            place = PLACE_OF(vars(each)[name])
            if place > 0:
                return place
            break
    raise TypeError(f"{kind.__name__}.{name} is no slot, so the steady record cannot be compiled. Run without it.")


cdef inline PyObject *_get(PyObject *of, Py_ssize_t place) except NULL:
    cdef PyObject *value = (<PyObject **>(<char *>of + place))[0]
    if value == NULL:
        raise AttributeError("A slot that every object of its kind fills is empty.")
    return value


cdef inline void _set(PyObject *of, Py_ssize_t place, object value) noexcept:
    cdef PyObject **slot = <PyObject **>(<char *>of + place)
    cdef PyObject *before = slot[0]
    Py_INCREF(value)
    slot[0] = <PyObject *>value
    Py_DECREF(<object>before)


cdef class Compiled:
    """Folds stretches of events; see `folding.Plain`, which takes and does the same."""

    cdef object _router, _judge, _open, _older, _judge_fleet, _open_fleet, _older_fleet
    cdef object _refused, _remarkable, _novel, _other, _place_of
    cdef PyObject *_sign_in
    cdef PyObject *_access_kind
    cdef PyObject *_route_kind
    cdef PyObject *_rates_kind
    cdef Py_ssize_t _time, _access, _origin, _route
    cdef Py_ssize_t _epoch, _failed, _rates, _fleet_rates, _hour, _origins
    cdef Py_ssize_t _bucket, _n, _trip, _granted, _armed

    def __init__(self, steps):
        self._router = steps.router
        counting = steps.counting
        self._judge, self._open, self._older = counting.judge, counting.open_bucket, counting.older_bucket
        self._judge_fleet, self._open_fleet = counting.judge_fleet, counting.open_fleet_bucket
        self._older_fleet = counting.older_fleet_bucket
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

    cdef int _warm(self, list events) except -1:
        """Asks for the memory that a stretch will touch."""
        cdef PyObject *event
        cdef PyObject *route
        cdef Py_ssize_t place
        for place in range(len(events)):
            event = <PyObject *>events[place]
            if <PyObject *>Py_TYPE(<object>event) == self._sign_in:
                route = _get(_get(event, self._access), self._route)
                WARM(route)
                WARM_NEXT(route)
        for place in range(len(events)):
            event = <PyObject *>events[place]
            if <PyObject *>Py_TYPE(<object>event) == self._sign_in:
                route = _get(_get(event, self._access), self._route)
                if <PyObject *>Py_TYPE(<object>route) == self._route_kind:
                    WARM(_get(route, self._rates))
                    WARM_NEXT(_get(route, self._rates))
                    WARM(_get(route, self._origins))
        return 0

    def fold(self, events, object newest not None, double lateness):
        """Folds a stretch; `newest` is the watermark before it."""
        cdef list told = events if type(events) is list else list(events)
        cdef dict buckets = {}
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
            value = _get(rates, self._bucket)
            if value == <PyObject *>bucket_number or <long long><object>value == bucket:
                n = <long long><object>_get(rates, self._n) + 1
                _set(rates, self._n, n)
                if n >= <long long><object>_get(rates, self._trip):
                    self._judge(route, event, hour_number)
            elif <long long><object>value < bucket:
                self._open(route, event, bucket_number)
            else:
                self._older(route, event, bucket_number)
            fleet_rates = _get(<PyObject *>route, self._fleet_rates)
            if <object>fleet_rates is not None:
                self._hold(fleet_rates)
                value = _get(fleet_rates, self._bucket)
                if value == <PyObject *>bucket_number or <long long><object>value == bucket:
                    n = <long long><object>_get(fleet_rates, self._n) + 1
                    _set(fleet_rates, self._n, n)
                    if n >= <long long><object>_get(fleet_rates, self._trip):
                        self._judge_fleet(route, event, hour_number)
                elif <long long><object>value < bucket:
                    self._open_fleet(route, event, bucket_number)
                else:
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
