"""Slots of ordinary objects, read and written in their places; for `steady.pyx` and `newness.pyx`."""

from cpython.object cimport PyObject, Py_TYPE
from cpython.ref cimport Py_DECREF, Py_INCREF

cdef extern from *:
    """
    #include <structmember.h>

    /* Where the object keeps a slot; -1 when the descriptor is of another kind. */
    static Py_ssize_t PLACE_OF(PyObject *descriptor) {
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return -1;
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX || member->type == T_OBJECT ? member->offset : -1;
    }
    #define WARM_ENTRY(ids, hash) \
        __builtin_prefetch(&((PySetObject *)(ids))->table[(size_t)(hash) & (size_t)((PySetObject *)(ids))->mask])
    #define WARM(pointer) __builtin_prefetch((const char *)(pointer))
    #define WARM_NEXT(pointer) __builtin_prefetch((const char *)(pointer) + 64)
    """
    Py_ssize_t PLACE_OF(object descriptor)
    void WARM_ENTRY(PyObject *ids, Py_hash_t hash) nogil
    void WARM(PyObject *pointer) nogil
    void WARM_NEXT(PyObject *pointer) nogil

cdef extern from "Python.h":
    Py_ssize_t PySet_GET_SIZE(object among)
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
