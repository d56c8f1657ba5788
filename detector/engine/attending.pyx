# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""`attendance.at_work`, compiled: once an hour it walks over all identities that there are.

An hour at work is taken in here where nothing is learned by it: neither a day is over nor an hour a day old. All else is
a call of `silence.end` and `periods.take_in`. The same goes for its mix of resources (`mix.take_in`). How slots are read is told in `steady.pyx`.
"""

from libc.string cimport memset

from detector.features import mix, periods, silence
from detector.features.memory import IdentityMemory
from detector.features.mix import MixMemory
from detector.features.periods import HOURS, RECENT, PeriodMemory
from detector.features.timeline import STEPS_PER_HOUR
from detector.features.token_rate import RateMemory

include "slots.pxi"
include "numbers.pxi"

cdef extern from *:
    """
    #define BITS(byte) __builtin_popcount(byte)
    """
    int BITS(unsigned int byte) nogil

cdef Py_ssize_t RATES = _place(IdentityMemory, "rates"), KIND = _place(IdentityMemory, "kind")
cdef Py_ssize_t PERIODS = _place(IdentityMemory, "periods")
cdef Py_ssize_t BUCKET = _place(RateMemory, "bucket"), STEPS = _place(RateMemory, "steps")
cdef Py_ssize_t HOUR = _place(PeriodMemory, "hour"), LEARNED = _place(PeriodMemory, "learned")
cdef Py_ssize_t DAY = _place(PeriodMemory, "day"), PATIENCE = _place(PeriodMemory, "patience")
cdef Py_ssize_t DAYS = periods.LEARNED
cdef Py_ssize_t PAUSED_ON = silence.DAY, WORTH = silence.WORTH, MOST = silence.MOST
cdef long long IN_HOUR = STEPS_PER_HOUR
cdef Py_ssize_t REMEMBERED = HOURS, NEWEST = RECENT
cdef object end = silence.end, take_in = periods.take_in, take_in_mix = mix.take_in
cdef Py_ssize_t NAMES = _place(MixMemory, "names"), MIX = _place(MixMemory, "hours")
cdef enum:
    AT_MOST = 8  # resources, each with a byte in each of three rows; and hours that are told apart
cdef int WINDOW = mix.WINDOW
if mix.CAPACITY != AT_MOST:
    raise ImportError("A mix has eight resources. Run without it.")


cdef int _busy(PyObject *rates, long long first) except -1:
    """`periods.busy_in`, with the first bucket of the hour."""
    cdef tuple steps = <tuple>_get(rates, STEPS)
    cdef long long bucket = <long long><object>_get(rates, BUCKET)
    cdef int busy = 0
    cdef Py_ssize_t place = len(steps) - 3
    if first <= bucket < first + IN_HOUR:
        busy = 1 << (bucket - first)
    while place >= 0:
        bucket = <long long>steps[place]
        if bucket < first:
            break
        if bucket < first + IN_HOUR:
            busy |= 1 << (bucket - first)
        place -= 3
    return busy


cdef bint _pause_teaches(PyObject *memory, long long hour) except -1:
    """Whether `silence.end` has anything to do."""
    cdef float *numbers = <float *>PyBytes_AS_STRING(<bytes>_get(memory, LEARNED))
    cdef long long before = <long long><object>_get(memory, HOUR), gap = hour - before
    if before < 0 or <double>(hour // 24) != <double>numbers[PAUSED_ON]:
        return True
    return gap > 1 and numbers[DAYS] != 0.0 and <double>(gap - 1) * <double>numbers[MOST] >= <double>numbers[WORTH]


cdef bint _shifted(PyObject *memory, long long hour, object hour_number, int busy) except -1:
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
    cdef long long hour = hour_number, first = hour * IN_HOUR
    cdef int busy
    cdef list present = [], quiet = []
    cdef object identity, memory
    cdef PyObject *rates
    for identity in identities.values():
        if type(identity) is not IdentityMemory:
            raise TypeError("The memory of an identity is an IdentityMemory.")
        memory = <object>_get(<PyObject *>identity, PERIODS)
        rates = _get(<PyObject *>identity, RATES)
        if <long long><object>_get(rates, BUCKET) >= first and <object>_get(<PyObject *>identity, KIND) != "blueprint":
            busy = _busy(rates, first)
            if busy:
                if memory is None:
                    memory = identity.periods = PeriodMemory()
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


cdef Py_ssize_t _place_in(tuple names, object name) except -2:
    """Where a name is; -1 when it is not there."""
    cdef Py_ssize_t place
    for place in range(len(names)):
        if <PyObject *>names[place] == <PyObject *>name:
            return place
    for place in range(len(names)):
        if names[place] == name:
            return place
    return -1


def mixed(memory, used, floor, seen):
    """`mix.take_in`."""
    cdef tuple names
    cdef bytes hours
    cdef const unsigned char *old
    cdef unsigned char rows[3 * AT_MOST]
    cdef Py_ssize_t place
    cdef int count, taught, least = floor
    cdef double experience = seen
    if type(memory) is not MixMemory:
        raise TypeError("A mix is a MixMemory.")
    names, hours = <tuple>_get(<PyObject *>memory, NAMES), <bytes>_get(<PyObject *>memory, MIX)
    old = <const unsigned char *>PyBytes_AS_STRING(hours)
    for place in range(AT_MOST):
        rows[place] = <unsigned char>(old[place] << 1)
        rows[AT_MOST + place] = old[AT_MOST + place] + (1 if place < len(names) else 0)
        rows[2 * AT_MOST + place] = old[2 * AT_MOST + place] + (old[place] >> (AT_MOST - 1))
        if rows[AT_MOST + place] >= 0x80:
            return take_in_mix(memory, used, floor, seen)
    for name in used:
        place = _place_in(names, name)
        if place < 0:
            return take_in_mix(memory, used, floor, seen)
        rows[place] |= 1
        count, taught = BITS(rows[place] & ((1 << WINDOW) - 1)), rows[AT_MOST + place] - AT_MOST
        if count >= least and taught >= experience and count * taught > 2 * WINDOW * rows[2 * AT_MOST + place]:
            return take_in_mix(memory, used, floor, seen)
    _set(<PyObject *>memory, MIX, PyBytes_FromStringAndSize(<const char *>rows, 3 * AT_MOST))
    return []
