# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""`attendance.at_work`, compiled: once an hour it walks over all identities that there are.

An hour at work is taken in here where nothing is learned by it: neither a day is over nor an hour a day old. All else is
a call of `silence.end` and `periods.take_in`. How slots are read is told in `steady.pyx`.
"""

from libc.math cimport llrint
from libc.string cimport memset

from detector.features import periods, silence
from detector.features.memory import IdentityMemory
from detector.features.periods import HOURS, RECENT, PeriodMemory
from detector.features.timeline import STEP, STEPS_PER_HOUR
from detector.features.token_rate import RateMemory

include "slots.pxi"
include "numbers.pxi"

cdef Py_ssize_t RATES = _place(IdentityMemory, "rates"), KIND = _place(IdentityMemory, "kind")
cdef Py_ssize_t PERIODS = _place(IdentityMemory, "periods")
cdef Py_ssize_t BUCKET = _place(RateMemory, "bucket"), STEPS = _place(RateMemory, "steps")
cdef Py_ssize_t BASE = _place(RateMemory, "base")
cdef Py_ssize_t HOUR = _place(PeriodMemory, "hour"), LEARNED = _place(PeriodMemory, "learned")
cdef Py_ssize_t DAY = _place(PeriodMemory, "day"), PATIENCE = _place(PeriodMemory, "patience")
cdef Py_ssize_t WORKED = periods.WORKED, DAYS = periods.LEARNED
cdef Py_ssize_t PAUSED_ON = silence.DAY, WORTH = silence.WORTH, MOST = silence.MOST
cdef long long STEP_LENGTH = STEP, IN_HOUR = STEPS_PER_HOUR
cdef Py_ssize_t REMEMBERED = HOURS, NEWEST = RECENT
cdef object end = silence.end, take_in = periods.take_in


cdef inline double _worth(long long bucket) noexcept:
    """`periods._worth`."""
    return _weight(<double>(bucket * STEP_LENGTH))


cdef double _worked(PyObject *rates, long long limit) except -1.0:
    """`periods.worked`."""
    cdef double total = _learned(<bytes>_get(rates, BASE))[0]
    cdef tuple steps = <tuple>_get(rates, STEPS)
    cdef Py_ssize_t place
    cdef long long bucket
    for place in range(0, len(steps), 3):
        bucket = <long long>steps[place]
        if bucket > limit:
            return total
        total += _worth(bucket)
    bucket = <long long><object>_get(rates, BUCKET)
    return total + _worth(bucket) if bucket <= limit else total


cdef long long _busy(PyObject *memory, PyObject *rates, long long hour) except -1:
    """`periods.busy_in`."""
    cdef double total = _worked(rates, (hour + 1) * IN_HOUR - 1)
    cdef bytes numbers = _copy(<bytes>_get(memory, LEARNED))
    cdef long long busy = llrint((total - _learned(numbers)[WORKED]) / _worth(hour * IN_HOUR + IN_HOUR // 2))
    _learned(numbers)[WORKED] = total
    _set(memory, LEARNED, numbers)
    return min(busy, IN_HOUR)


cdef bint _pause_teaches(PyObject *memory, long long hour) except -1:
    """Whether `silence.end` has anything to do."""
    cdef double *numbers = _learned(<bytes>_get(memory, LEARNED))
    cdef long long before = <long long><object>_get(memory, HOUR), gap = hour - before
    if before < 0 or <double>(hour // 24) != numbers[PAUSED_ON]:
        return True
    return gap > 1 and numbers[DAYS] != 0.0 and <double>(gap - 1) * numbers[MOST] >= numbers[WORTH]


cdef bint _shifted(PyObject *memory, long long hour, object hour_number, long long busy) except -1:
    """`periods.take_in` where nothing is learned; false, and nothing done, where something is."""
    cdef long long before = <long long><object>_get(memory, HOUR), gap = min(hour - before, <long long>REMEMBERED)
    cdef bytes learned = <bytes>_get(memory, LEARNED), shifted
    cdef char *old = PyBytes_AS_STRING(learned) + NEWEST
    cdef char *new
    cdef Py_ssize_t place
    if before < 0 or (hour - REMEMBERED) // 24 > <long long><object>_get(memory, DAY):
        return False
    for place in range(REMEMBERED - gap, REMEMBERED):
        if old[place]:
            return False
    shifted = _copy(learned)
    new = PyBytes_AS_STRING(shifted) + NEWEST
    memset(new, 0, gap)
    new[0] = <char>busy
    memcpy(new + gap, old, REMEMBERED - gap)
    _set(memory, LEARNED, shifted)
    _set(memory, HOUR, hour_number)
    return True


def at_work(dict identities not None, object hour_number):
    """See `attendance.AtWork`."""
    cdef long long hour = hour_number, first = hour * IN_HOUR, busy
    cdef list present = [], quiet = []
    cdef object identity, memory
    cdef PyObject *rates
    for identity in identities.values():
        if type(identity) is not IdentityMemory:
            raise TypeError("The memory of an identity is an IdentityMemory.")
        memory = <object>_get(<PyObject *>identity, PERIODS)
        rates = _get(<PyObject *>identity, RATES)
        if <long long><object>_get(rates, BUCKET) >= first and <object>_get(<PyObject *>identity, KIND) != "blueprint":
            if memory is None:
                memory = identity.periods = PeriodMemory()
            busy = _busy(<PyObject *>memory, rates, hour)
            if busy:
                if _pause_teaches(<PyObject *>memory, hour):
                    end(memory, hour_number)
                if not _shifted(<PyObject *>memory, hour, hour_number, busy):
                    take_in(memory, hour_number, busy)
                present.append((identity, memory))
                continue
        if memory is not None and (
            hour - <long long><object>_get(<PyObject *>memory, HOUR) >= <long long><object>_get(<PyObject *>memory, PATIENCE)
        ):
            quiet.append(identity)
    return present, quiet
