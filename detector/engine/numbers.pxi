"""What `features.moments` and the tuples of `features.token_rate` are, for the compiled parts."""

from sys import byteorder

from libc.math cimport exp2
from libc.string cimport memcpy

from detector.features.moments import CAP, EXPERIENCED
from detector.features.timeline import HALF_LIFE, LANDMARK

cdef extern from "Python.h":
    object PyTuple_New(Py_ssize_t size)
    Py_ssize_t PyTuple_GET_SIZE(object among)
    PyObject *PyTuple_GET_ITEM(object among, Py_ssize_t place)
    void PyTuple_SET_ITEM(object among, Py_ssize_t place, object value)
    bytes PyBytes_FromStringAndSize(const char *text, Py_ssize_t size)
    char *PyBytes_AS_STRING(object text)

if byteorder != "little":
    raise ImportError("What is learned is kept with the lowest byte first. Run without it.")

cdef double _landmark = LANDMARK, _half_life = HALF_LIFE, _cap = CAP, _experienced = EXPERIENCED


cdef inline double *_learned(bytes base) noexcept:
    """The numbers of a base, three for each span."""
    return <double *>PyBytes_AS_STRING(base)


cdef inline bytes _copy(bytes base):
    """A base that nobody else holds, so that it may be written to."""
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(base), len(base))


cdef inline double _weight(double time) noexcept:
    """`timeline.weight`."""
    return exp2((time - _landmark) / _half_life)


cdef Py_ssize_t _learn(double *numbers, long long span, tuple closed, long long limit) except -1:
    """`moments.learn_final`, into `numbers`; the length folded."""
    cdef Py_ssize_t done = 0, size = len(closed)
    cdef long long bucket
    cdef double start, taught, most
    while done < size:
        bucket = <long long>closed[done]
        if bucket > limit:
            break
        start = _weight(<double>(bucket * span))
        taught = <double><long long>closed[done + 1]
        if numbers[0] > _experienced * start:
            most = _cap * numbers[1] / numbers[0]
            if taught > most:
                taught = max(1.0, most)
        numbers[0] += start
        numbers[1] += start * taught
        numbers[2] += start * taught * taught
        done += 3
    return done


cdef tuple _longer(tuple closed, object first, object second, object third):
    """A tuple with three more at its end."""
    cdef Py_ssize_t size = PyTuple_GET_SIZE(closed), place
    cdef object longer = PyTuple_New(size + 3)
    for place in range(size):
        _put(longer, place, <object>PyTuple_GET_ITEM(closed, place))
    _put(longer, size, first)
    _put(longer, size + 1, second)
    _put(longer, size + 2, third)
    return <tuple>longer


cdef tuple _with(tuple closed, Py_ssize_t changed, object value):
    """A tuple with another value in a place."""
    cdef Py_ssize_t size = PyTuple_GET_SIZE(closed), place
    cdef object other = PyTuple_New(size)
    for place in range(size):
        _put(other, place, value if place == changed else <object>PyTuple_GET_ITEM(closed, place))
    return <tuple>other


cdef inline void _put(object among, Py_ssize_t place, object value) noexcept:
    Py_INCREF(value)
    PyTuple_SET_ITEM(among, place, value)
