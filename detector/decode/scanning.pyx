# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The regular sign-in, read without making an object of it: compiled, and the same answers as the other path.

Nearly every record of an export repeats another one but for its ids and times. So a body is read in one pass that checks
all of its syntax and notes where the fields in use lie; who asked for what is then a keyed hash over those bytes, under
which the flyweight is found. What is only passed over and long (the policies that were evaluated) is compared with what
was passed over before: equal bytes in the same place are the same value, and comparing is ten times as fast as reading.

The pass is strict and knows little: no white space, no escapes in what is read, one category of sign-ins a body. At the
first doubt it gives up, on the record or on the whole body, and `decoder` goes the usual way; nothing is decided here
that is not decided the same way there (`tests/laws/test_both_ways.py`). Without a compiler the product works all the
same.

Formats: RFC 8259 (JSON), RFC 3339 (times). Hash: SipHash-1-3 (Aumasson and Bernstein, 2012), keyed for each process so
that nobody can choose two records that meet.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

cdef extern from *:
    """
    #define LOWEST(mask) (__builtin_ctzll(mask) >> 3)
    """
    int LOWEST(uint64_t mask) nogil

cdef enum:
    DEEPEST = 24  # levels of nesting that are read
    KEPT = 8  # long values that are remembered
    LONG = 96
    LONGEST = 65536  # bytes of such a value
    ROOM = 4096  # bytes of all fields of a flyweight
    STEPS = 64  # members of `properties` whose names are expected in their order
    LETTERS = 48  # bytes of such a name with its quotes and colon

cdef enum:
    F_APP, F_RESOURCE, F_RESOURCE_NAME, F_PRINCIPAL, F_NAME, F_CREDENTIAL, F_KEY, F_FEDERATED, F_ACCESS,
    F_AGENT_TYPE, F_SUBJECT_TYPE, F_PARENT, F_SUBJECT_PARENT, F_TENANT, F_ERROR, F_CATEGORY,
    F_ADDRESS, F_NUMBER, F_COUNTRY,
    F_ID, F_CREATED, F_TIME, F_USER, F_CLIENT, F_STATUS, F_AGENT, F_PLACE, F_PROPERTIES,
    FIELDS

cdef enum:
    OF_ACCESS = 16  # fields before this one say who asked for what
    OF_ORIGIN = 19  # and those before this one where it came from

cdef struct Span:
    const char *at
    Py_ssize_t n

cdef struct Piece:  # a span, from the beginning of the body on
    int32_t at
    int32_t n

cdef struct Spot:
    Py_ssize_t start
    Py_ssize_t end
    uint64_t access
    uint64_t origin
    bint odd
    Piece said[OF_ORIGIN]

cdef struct Kept:
    char *bytes
    Py_ssize_t n

cdef struct Expected:
    char name[LETTERS]
    Py_ssize_t n
    int which


cdef inline const char *_string(const char *p, const char *end, bint *escaped) noexcept nogil:
    """The closing quote of a string whose opening quote is before `p`; NULL when it is none that is sure to be sound.

    Most strings are plain, and are passed over by eight bytes at once: in a word whose bytes are compared with a sign,
    the lowest marked byte is one that is the sign (Warren, "Hacker's Delight", section 6-1).
    """
    cdef uint64_t x, quote, slash, found
    cdef int n
    while p < end:
        if p + 8 <= end:
            memcpy(&x, p, 8)
            quote = x ^ 0x2222222222222222ULL
            slash = x ^ 0x5C5C5C5C5C5C5C5CULL
            found = (
                ((quote - 0x0101010101010101ULL) & ~quote)
                | ((slash - 0x0101010101010101ULL) & ~slash)
                | ((x - 0x2020202020202020ULL) & ~x)
                | x
            ) & 0x8080808080808080ULL
            if not found:
                p += 8
                continue
            p += LOWEST(found)
        if p[0] == b'"':
            return p
        if p[0] == b'\\':
            n = _escape(p, end)
            escaped[0] = True
        else:
            n = _sign(<const unsigned char *>p, end - p)
        if n == 0:
            return NULL
        p += n
    return NULL


cdef int _escape(const char *p, const char *end) noexcept nogil:
    """Bytes of an escape; 0 for none that is, and for halves of characters."""
    cdef int place
    if end - p < 6:
        return 0
    if p[1] != b'u':
        return 2 if p[1] in (b'"', b'\\', b'/', b'b', b'f', b'n', b'r', b't') else 0
    for place in range(2, 6):
        if not (b'0' <= p[place] <= b'9' or b'a' <= (p[place] | 32) <= b'f'):
            return 0
    return 0 if (p[2] | 32) == b'd' and not b'0' <= p[3] <= b'7' else 6


cdef int _sign(const unsigned char *p, Py_ssize_t left) noexcept nogil:
    """Bytes of a character of UTF-8 (RFC 3629, section 4); 0 for none that is, and for control characters."""
    cdef int first = p[0]
    if first < 0x80:
        return 0 if first < 0x20 else 1
    if left >= 2 and 0xC2 <= first <= 0xDF:
        return 2 if p[1] >> 6 == 2 else 0
    if left >= 3 and first >> 4 == 0xE:
        if p[1] >> 6 != 2 or p[2] >> 6 != 2 or (first == 0xE0 and p[1] < 0xA0) or (first == 0xED and p[1] > 0x9F):
            return 0
        return 3
    if left >= 4 and 0xF0 <= first <= 0xF4:
        if p[1] >> 6 != 2 or p[2] >> 6 != 2 or p[3] >> 6 != 2:
            return 0
        return 0 if (first == 0xF0 and p[1] < 0x90) or (first == 0xF4 and p[1] > 0x8F) else 4
    return 0


cdef inline const char *_digits(const char *p) noexcept nogil:
    while b'0' <= p[0] <= b'9':
        p += 1
    return p


cdef const char *_number(const char *p) noexcept nogil:
    """Behind a number; NULL when it is none. A body ends with a zero byte, so nothing is read beyond it."""
    cdef const char *begin
    if p[0] == b'-':
        p += 1
    begin = p
    p = _digits(p)
    if p == begin or (begin[0] == b'0' and p - begin > 1) or p - begin > 15:
        return NULL
    if p[0] == b'.':
        begin = p + 1
        p = _digits(begin)
        if p == begin or p - begin > 20:
            return NULL
    if p[0] == b'e' or p[0] == b'E':
        return NULL
    return p


cdef class Scanner:
    """Reads regular bodies.

    Args:
        key: Sixteen bytes that nobody knows: the key of the hash.
    """

    cdef uint64_t _k0, _k1
    cdef Kept _kept[KEPT]
    cdef int _next
    cdef Expected _expected[STEPS]
    cdef Spot *_spots
    cdef Py_ssize_t _room
    cdef Py_ssize_t _read

    def __cinit__(self, bytes key not None):
        if len(key) != 16:
            raise ValueError("The key of the hash has sixteen bytes.")
        memcpy(&self._k0, PyBytes_AS_STRING(key), 8)
        memcpy(&self._k1, PyBytes_AS_STRING(key) + 8, 8)
        memset(self._kept, 0, sizeof(self._kept))
        memset(self._expected, 0, sizeof(self._expected))
        self._room = 64
        self._spots = <Spot *>malloc(self._room * sizeof(Spot))
        if self._spots == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int place
        for place in range(KEPT):
            free(self._kept[place].bytes)
        free(self._spots)

    # ------------------------------------------------------------------------------------------ what is skipped

    cdef const char *_skip(self, const char *p, const char *end, int depth) noexcept nogil:
        """Behind a value of any kind; NULL when it is not plain."""
        cdef char c = p[0]
        cdef bint escaped = False
        if c == b'"':
            p = _string(p + 1, end, &escaped)
            return NULL if p == NULL else p + 1
        if c == b'{' or c == b'[':
            return self._nested(p, end, depth)
        if c == b't':
            return p + 4 if end - p >= 4 and memcmp(p, b"true", 4) == 0 else NULL
        if c == b'f':
            return p + 5 if end - p >= 5 and memcmp(p, b"false", 5) == 0 else NULL
        if c == b'n':
            return p + 4 if end - p >= 4 and memcmp(p, b"null", 4) == 0 else NULL
        return _number(p)

    cdef const char *_nested(self, const char *p, const char *end, int depth) noexcept nogil:
        """Behind an object or array: at once when it was seen before."""
        cdef int place
        cdef Py_ssize_t n
        cdef const char *begin = p
        if depth == 0:
            for place in range(KEPT):
                n = self._kept[place].n
                if n and end - p >= n and memcmp(p, self._kept[place].bytes, n) == 0:
                    return p + n
        p = self._object(p, end, depth) if p[0] == b'{' else self._array(p, end, depth)
        if p != NULL and depth == 0 and LONG <= p - begin <= LONGEST:
            self._keep(begin, p - begin)
        return p

    cdef void _keep(self, const char *begin, Py_ssize_t n) noexcept nogil:
        cdef Kept *slot = &self._kept[self._next]
        cdef char *room = <char *>realloc(slot.bytes, n)
        if room == NULL:
            return
        memcpy(room, begin, n)
        slot.bytes, slot.n = room, n
        self._next = (self._next + 1) % KEPT

    cdef const char *_object(self, const char *p, const char *end, int depth) noexcept nogil:
        cdef bint escaped = False
        if depth >= DEEPEST:
            return NULL
        p += 1
        if p[0] == b'}':
            return p + 1
        while p[0] == b'"':
            p = _string(p + 1, end, &escaped)
            if p == NULL or p[1] != b':':
                return NULL
            p = self._skip(p + 2, end, depth + 1)
            if p == NULL:
                return NULL
            if p[0] == b'}':
                return p + 1
            if p[0] != b',':
                return NULL
            p += 1
        return NULL

    cdef const char *_array(self, const char *p, const char *end, int depth) noexcept nogil:
        if depth >= DEEPEST:
            return NULL
        p += 1
        if p[0] == b']':
            return p + 1
        while p < end:
            p = self._skip(p, end, depth + 1)
            if p == NULL:
                return NULL
            if p[0] == b']':
                return p + 1
            if p[0] != b',':
                return NULL
            p += 1
        return NULL

    # ------------------------------------------------------------------------------------------- what is read

    cdef const char *_text(self, const char *p, const char *end, Span *span, bint *odd) noexcept nogil:
        """Behind a string or null, which `span` then holds; another value, or a second one, makes the record odd."""
        cdef const char *close
        if span.at != NULL:
            odd[0] = True
        if p[0] == b'"':
            close = _string(p + 1, end, odd)
            if close == NULL:
                return NULL
            span.at, span.n = p + 1, close - p - 1
            return close + 1
        span.at, span.n = p, -1
        if p[0] != b'n':
            odd[0] = True
        return self._skip(p, end, 1)

    cdef const char *_inner(
        self, const char *p, const char *end, Span *spans, int which, bint *odd
    ) noexcept nogil:
        """Behind `status`, `agent` or `location`: an object, or null."""
        cdef const char *key
        cdef Py_ssize_t n
        if spans[which].at != NULL:
            odd[0] = True
        spans[which].at, spans[which].n = p, 0
        if p[0] != b'{':
            if which == F_STATUS or p[0] != b'n':
                odd[0] = True
            return self._skip(p, end, 1)
        p += 1
        if p[0] == b'}':
            return p + 1
        while p[0] == b'"':
            key = p + 1
            p = _string(key, end, odd)
            if p == NULL or p[1] != b':':
                return NULL
            n = p - key
            p += 2
            if which == F_STATUS and n == 9 and memcmp(key, b"errorCode", 9) == 0:
                if spans[which].n:
                    odd[0] = True
                spans[which].n = 1
                p = self._code(p, end, &spans[F_ERROR], odd)
            elif which == F_AGENT and n == 9 and memcmp(key, b"agentType", 9) == 0:
                p = self._text(p, end, &spans[F_AGENT_TYPE], odd)
            elif which == F_AGENT and n == 16 and memcmp(key, b"agentSubjectType", 16) == 0:
                p = self._text(p, end, &spans[F_SUBJECT_TYPE], odd)
            elif which == F_AGENT and n == 11 and memcmp(key, b"parentAppId", 11) == 0:
                p = self._text(p, end, &spans[F_PARENT], odd)
            elif which == F_AGENT and n == 20 and memcmp(key, b"agentSubjectParentId", 20) == 0:
                p = self._text(p, end, &spans[F_SUBJECT_PARENT], odd)
            elif which == F_PLACE and n == 15 and memcmp(key, b"countryOrRegion", 15) == 0:
                p = self._text(p, end, &spans[F_COUNTRY], odd)
            else:
                p = self._skip(p, end, 1)
            if p == NULL:
                return NULL
            if p[0] == b'}':
                return p + 1
            if p[0] != b',':
                return NULL
            p += 1
        return NULL

    cdef const char *_member(
        self, const char *p, const char *end, int step, int *which, bint *odd
    ) noexcept nogil:
        """Behind the name and colon of member `step` of `properties`: most often the one that was there last time."""
        cdef Expected *expected = &self._expected[step % STEPS]
        cdef const char *name = p
        cdef Py_ssize_t n = expected.n
        if n and end - p > n and memcmp(p, expected.name, n) == 0:
            which[0] = expected.which
            return p + n
        p = _string(p + 1, end, odd)
        if p == NULL or p[1] != b':':
            return NULL
        which[0] = _named(name + 1, p - name - 1)
        p += 2
        if p - name <= LETTERS:
            memcpy(expected.name, name, p - name)
            expected.n, expected.which = p - name, which[0]
        return p

    cdef const char *_properties(self, const char *p, const char *end, Span *spans, bint *odd) noexcept nogil:
        cdef int which = -1, step = 0
        if spans[F_PROPERTIES].at != NULL or p[0] != b'{':
            odd[0] = True
            return self._skip(p, end, 1)
        spans[F_PROPERTIES].at = p
        p += 1
        if p[0] == b'}':
            return p + 1
        while p[0] == b'"':
            p = self._member(p, end, step, &which, odd)
            if p == NULL:
                return NULL
            step += 1
            if which < 0:
                p = self._skip(p, end, 0)
            elif which == F_STATUS or which == F_AGENT or which == F_PLACE:
                p = self._inner(p, end, spans, which, odd)
            elif which == F_NUMBER and (p[0] == b'-' or b'0' <= p[0] <= b'9'):
                p = self._numeral(p, end, &spans[which], odd)
            else:
                p = self._text(p, end, &spans[which], odd)
            if p == NULL:
                return NULL
            if p[0] == b'}':
                return p + 1
            if p[0] != b',':
                return NULL
            p += 1
        return NULL

    cdef const char *_numeral(self, const char *p, const char *end, Span *span, bint *odd) noexcept nogil:
        """Behind a number. Its span takes the sign behind it along: the same digits between quotes are another spelling."""
        if span.at != NULL:
            odd[0] = True
        span.at = p
        p = _number(p)
        if p != NULL:
            span.n = p - span.at + 1
        return p

    cdef const char *_code(self, const char *p, const char *end, Span *span, bint *odd) noexcept nogil:
        """Behind an error code: a few digits; anything else makes the record odd."""
        span.at = p
        p = self._skip(p, end, 1)
        if p != NULL:
            span.n = p - span.at
            if span.n > 9 or _digits(span.at) != p:
                odd[0] = True
        return p

    cdef const char *_record(self, const char *p, const char *end, Span *spans, bint *odd) noexcept nogil:
        """Behind a record."""
        cdef const char *key
        cdef Py_ssize_t n
        if p[0] != b'{':
            return NULL
        p += 1
        while p[0] == b'"':
            key = p + 1
            p = _string(key, end, odd)
            if p == NULL or p[1] != b':':
                return NULL
            n = p - key
            p += 2
            if n == 10 and memcmp(key, b"properties", 10) == 0:
                p = self._properties(p, end, spans, odd)
            elif n == 4 and memcmp(key, b"time", 4) == 0:
                p = self._text(p, end, &spans[F_TIME], odd)
            elif n == 8 and memcmp(key, b"category", 8) == 0:
                p = self._text(p, end, &spans[F_CATEGORY], odd)
            elif n == 8 and memcmp(key, b"tenantId", 8) == 0:
                p = self._text(p, end, &spans[F_TENANT], odd)
            else:
                p = self._skip(p, end, 0)
            if p == NULL:
                return NULL
            if p[0] == b'}':
                return p + 1
            if p[0] != b',':
                return NULL
            p += 1
        return NULL

    cdef uint64_t _hash(self, Span *spans, int begin, int end) noexcept nogil:
        """SipHash-1-3 of some fields, each with its length, so that no two rows of them read the same."""
        cdef char room[ROOM]
        cdef Py_ssize_t used = 0, n, place
        cdef int which
        cdef uint64_t v0, v1, v2, v3, m
        for which in range(begin, end):
            n = spans[which].n
            memcpy(room + used, &n, 8)
            used += 8
            if n > 0:
                memcpy(room + used, spans[which].at, n)
                used += n
        memset(room + used, 0, 8)
        v0 = self._k0 ^ 0x736F6D6570736575ULL
        v1 = self._k1 ^ 0x646F72616E646F6DULL
        v2 = self._k0 ^ 0x6C7967656E657261ULL
        v3 = self._k1 ^ 0x7465646279746573ULL
        place = 0
        while place + 8 <= used:
            memcpy(&m, room + place, 8)
            v3 ^= m
            _round(&v0, &v1, &v2, &v3)
            v0 ^= m
            place += 8
        memcpy(&m, room + place, 8)
        m |= (<uint64_t>used) << 56
        v3 ^= m
        _round(&v0, &v1, &v2, &v3)
        v0 ^= m
        v2 ^= 0xFF
        _round(&v0, &v1, &v2, &v3)
        _round(&v0, &v1, &v2, &v3)
        _round(&v0, &v1, &v2, &v3)
        return v0 ^ v1 ^ v2 ^ v3

    # --------------------------------------------------------------------------------------------------- doors

    def missing(self, list accesses not None, list origins not None):
        """The numbers of the records read last that lack a flyweight and are not odd."""
        cdef Py_ssize_t number
        cdef list found = []
        for number in range(min(self._read, len(accesses), len(origins))):
            if not self._spots[number].odd and (accesses[number] is None or origins[number] is None):
                found.append(number)
        return found

    def scan(self, bytes body not None, dict accesses not None, dict origins not None):
        """Reads `{"records": [...]}`, or records line by line.

        Args:
            body: The message.
            accesses: Flyweights by hash.
            origins: The same of places.

        Returns:
            `None` when the body is not regular as a whole. Else (category, ids, times, accesses, origins, user ids,
            user agents, earliest time, latest time, envelope time of the first record, odd ones, whether all others
            spell the same tenant): lists with an entry for each record; a flyweight that is not known is `None`, and so
            is every entry of an odd record, whose places the list of odd ones has. User ids and user agents are `None`
            altogether when no record has any.
        """
        cdef const char *start = PyBytes_AS_STRING(body)
        cdef const char *end = start + PyBytes_GET_SIZE(body)
        cdef const char *p = start
        cdef const char *begin
        cdef bint lines = True
        cdef Span spans[FIELDS]
        cdef Span category
        cdef Span tenant
        cdef bint odd, together = True
        cdef Py_ssize_t count = 0, total
        cdef int which
        cdef double time, lowest = 1e300, highest = -1e300
        cdef Spot *spot
        cdef list ids = [], times = [], found, places, oddities = []
        cdef list users = None, clients = None
        cdef object exported = None
        if end - start >= 12 and memcmp(start, b'{"records":[', 12) == 0:
            lines = False
            p += 12
        category.at, category.n = NULL, 0
        tenant.at, tenant.n = NULL, 0
        self._read = 0
        if end - start > INT32_MAX:
            return None
        while True:
            memset(spans, 0, sizeof(spans))
            odd = False
            begin = p
            p = self._record(p, end, spans, &odd)
            if p == NULL:
                return None
            for which in range(FIELDS):
                if spans[which].at == NULL:
                    spans[which].n = -1
            if spans[F_CATEGORY].n < 0 or not _is_service(spans[F_CATEGORY].at, spans[F_CATEGORY].n):
                return None
            if category.at == NULL:
                category = spans[F_CATEGORY]
            elif category.n != spans[F_CATEGORY].n or memcmp(category.at, spans[F_CATEGORY].at, category.n) != 0:
                return None
            if count == self._room and not self._grow():
                return None
            spot = &self._spots[count]
            spot.start, spot.end = begin - start, p - start
            if exported is None:
                if spans[F_TIME].n <= 0:
                    return None
                exported = PyUnicode_DecodeUTF8(spans[F_TIME].at, spans[F_TIME].n, NULL)
            time = 0.0
            if not odd:
                odd = not _complete(spans) or not _instant(spans[F_CREATED].at, spans[F_CREATED].n, &time)
                total = 0
                for which in range(OF_ORIGIN):
                    total += 8 + (spans[which].n if spans[which].n > 0 else 0)
                odd = odd or total > ROOM - 16
            spot.odd = odd
            if odd:
                oddities.append(count)
                ids.append(None)
                times.append(None)
                if users is not None:
                    users.append(None)
                    clients.append(None)
            else:
                if time < lowest:
                    lowest = time
                if time > highest:
                    highest = time
                if tenant.at == NULL:
                    tenant = spans[F_TENANT]
                elif tenant.n != spans[F_TENANT].n or memcmp(tenant.at, spans[F_TENANT].at, tenant.n) != 0:
                    together = False
                for which in range(OF_ORIGIN):
                    spot.said[which].at = <int32_t>(spans[which].at - start) if spans[which].n >= 0 else 0
                    spot.said[which].n = <int32_t>spans[which].n
                spot.access = self._hash(spans, 0, OF_ACCESS)
                spot.origin = self._hash(spans, OF_ACCESS, OF_ORIGIN)
                ids.append(PyUnicode_DecodeUTF8(spans[F_ID].at, spans[F_ID].n, NULL))
                times.append(time)
                if users is None and (spans[F_USER].n > 0 or spans[F_CLIENT].n > 0):
                    users, clients = [None] * count, [None] * count
                if users is not None:
                    users.append(_str(&spans[F_USER]))
                    clients.append(_str(&spans[F_CLIENT]))
            count += 1
            self._read = count
            if lines:
                if p[0] == b'\r':
                    p += 1
                if p[0] == b'\n':
                    p += 1
                elif p != end or (p - 1)[0] == b'\r':
                    return None
                if p == end:
                    break
            elif p[0] == b',':
                p += 1
            elif end - p == 2 and p[0] == b']' and p[1] == b'}':
                break
            else:
                return None
        name = PyUnicode_DecodeUTF8(category.at, category.n, NULL)
        found, places = self._known(accesses, True), self._known(origins, False)
        return name, ids, times, found, places, users, clients, lowest, highest, exported, oddities, together

    cdef list _known(self, dict flyweights, bint of_access):
        """The flyweights of the body, all at once: what one look-up waits for is fetched while the next is asked for."""
        cdef Py_ssize_t place
        cdef PyObject *known
        cdef object number
        cdef list found = [None] * self._read
        for place in range(self._read):
            if not self._spots[place].odd:
                number = self._spots[place].access if of_access else self._spots[place].origin
                known = PyDict_GetItem(flyweights, number)
                if known != NULL:
                    found[place] = <object>known
        return found

    cdef bint _grow(self) noexcept:
        cdef Spot *more = <Spot *>realloc(self._spots, 2 * self._room * sizeof(Spot))
        if more == NULL:
            return False
        self._spots = more
        self._room *= 2
        return True

    def record(self, bytes body not None, Py_ssize_t number):
        """The bytes of a record of `body`, which was scanned last."""
        cdef Spot *spot = self._spot(number)
        return body[spot.start : spot.end]

    def fields(self, bytes body not None, Py_ssize_t number):
        """What a record of `body`, which was scanned last and is not odd there, says of who asked for what and where.

        Returns:
            As spelled: `flyweights.Told` without the last two, then address, autonomous system number and country.
            `None` when the number is spelled in another way than by a few digits or as a string.
        """
        cdef Spot *spot = self._spot(number)
        cdef const char *start = PyBytes_AS_STRING(body)
        cdef const char *number_at
        cdef Piece *piece
        cdef int which
        cdef list said = []
        if spot.end > PyBytes_GET_SIZE(body):
            raise IndexError("The body that was scanned last has no such record.")
        if spot.odd:
            return None
        for which in range(OF_ORIGIN):
            if which != F_CATEGORY:
                piece = &spot.said[which]
                said.append(None if piece.n < 0 else PyUnicode_DecodeUTF8(start + piece.at, piece.n, NULL))
        said[F_ERROR] = int(said[F_ERROR])
        piece = &spot.said[F_NUMBER]
        number_at = start + piece.at
        if piece.n > 0 and (number_at - 1)[0] == b':':
            if _digits(number_at) != number_at + piece.n - 1:
                return None
            said[F_NUMBER - 1] = int(PyUnicode_DecodeUTF8(number_at, piece.n - 1, NULL))
        return tuple(said)

    def access_key(self, Py_ssize_t number):
        """The hash of who asked for what in a record of the body scanned last."""
        return self._spot(number).access

    def origin_key(self, Py_ssize_t number):
        """The hash of where a record of the body scanned last came from."""
        return self._spot(number).origin

    cdef Spot *_spot(self, Py_ssize_t number) except NULL:
        if not 0 <= number < self._read:
            raise IndexError("The body that was scanned last has no such record.")
        return &self._spots[number]


cdef inline void _round(uint64_t *v0, uint64_t *v1, uint64_t *v2, uint64_t *v3) noexcept nogil:
    v0[0] += v1[0]
    v1[0] = (v1[0] << 13) | (v1[0] >> 51)
    v1[0] ^= v0[0]
    v0[0] = (v0[0] << 32) | (v0[0] >> 32)
    v2[0] += v3[0]
    v3[0] = (v3[0] << 16) | (v3[0] >> 48)
    v3[0] ^= v2[0]
    v0[0] += v3[0]
    v3[0] = (v3[0] << 21) | (v3[0] >> 43)
    v3[0] ^= v0[0]
    v2[0] += v1[0]
    v1[0] = (v1[0] << 17) | (v1[0] >> 47)
    v1[0] ^= v2[0]
    v2[0] = (v2[0] << 32) | (v2[0] >> 32)


cdef int _named(const char *key, Py_ssize_t n) noexcept nogil:
    """The field of `properties` that a name stands for; -1 for those that are not read."""
    if n == 2:
        return F_ID if memcmp(key, b"id", 2) == 0 else -1
    if n == 5:
        if memcmp(key, b"appId", 5) == 0:
            return F_APP
        return F_AGENT if memcmp(key, b"agent", 5) == 0 else -1
    if n == 6:
        if memcmp(key, b"status", 6) == 0:
            return F_STATUS
        return F_USER if memcmp(key, b"userId", 6) == 0 else -1
    if n == 8:
        return F_PLACE if memcmp(key, b"location", 8) == 0 else -1
    if n == 9:
        if memcmp(key, b"ipAddress", 9) == 0:
            return F_ADDRESS
        return F_CLIENT if memcmp(key, b"userAgent", 9) == 0 else -1
    if n == 10:
        return F_RESOURCE if memcmp(key, b"resourceId", 10) == 0 else -1
    if n == 15:
        return F_CREATED if memcmp(key, b"createdDateTime", 15) == 0 else -1
    if n == 18:
        return F_PRINCIPAL if memcmp(key, b"servicePrincipalId", 18) == 0 else -1
    if n == 19:
        return F_RESOURCE_NAME if memcmp(key, b"resourceDisplayName", 19) == 0 else -1
    if n == 20:
        if memcmp(key, b"servicePrincipalName", 20) == 0:
            return F_NAME
        return F_CREDENTIAL if memcmp(key, b"clientCredentialType", 20) == 0 else -1
    if n == 21:
        return F_FEDERATED if memcmp(key, b"federatedCredentialId", 21) == 0 else -1
    if n == 22:
        return F_NUMBER if memcmp(key, b"autonomousSystemNumber", 22) == 0 else -1
    if n == 23:
        return F_ACCESS if memcmp(key, b"conditionalAccessStatus", 23) == 0 else -1
    if n == 31:
        return F_KEY if memcmp(key, b"servicePrincipalCredentialKeyId", 31) == 0 else -1
    return -1


cdef bint _is_service(const char *at, Py_ssize_t n) noexcept nogil:
    """Whether a category is a sign-in of a service principal or managed identity."""
    if n == 26:
        return memcmp(at, b"ServicePrincipalSignInLogs", 26) == 0
    if n == 25:
        return memcmp(at, b"ManagedIdentitySignInLogs", 25) == 0
    return n == 35 and memcmp(at, b"MicrosoftServicePrincipalSignInLogs", 35) == 0


cdef bint _complete(Span *spans) noexcept nogil:
    """Whether a record has what a regular one must have."""
    return (
        0 < spans[F_ID].n <= 256
        and 0 < spans[F_TENANT].n <= 256
        and spans[F_APP].n >= 0
        and spans[F_ADDRESS].n >= 0
        and spans[F_NAME].n >= 0
        and spans[F_CREATED].n > 0
        and spans[F_STATUS].n == 1
        and (spans[F_TIME].at == NULL or spans[F_TIME].n > 0)
    )


cdef object _str(Span *span):
    return None if span.n < 0 else PyUnicode_DecodeUTF8(span.at, span.n, NULL)


cdef int _two(const char *p) noexcept nogil:
    """A number of two digits; negative when it is none."""
    if b'0' <= p[0] <= b'9' and b'0' <= p[1] <= b'9':
        return 10 * (p[0] - 48) + (p[1] - 48)
    return -1


cdef bint _instant(const char *p, Py_ssize_t n, double *seconds) noexcept nogil:
    """Seconds since the epoch of `2026-10-05T08:00:00.5139465+00:00`, of UTC only; rounded to the microsecond."""
    cdef int century, year, month, day, hour, minute, second, digits = 0
    cdef int64_t days, nano = 0, era, of_era, of_year
    cdef const char *end = p + n
    if n < 20 or p[4] != b'-' or p[7] != b'-' or p[10] != b'T' or p[13] != b':' or p[16] != b':':
        return False
    century, year, month, day = _two(p), _two(p + 2), _two(p + 5), _two(p + 8)
    hour, minute, second = _two(p + 11), _two(p + 14), _two(p + 17)
    if century < 0 or year < 0 or not 1 <= month <= 12 or not 1 <= day <= 28 + _more(month, 100 * century + year):
        return False
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return False
    p += 19
    if p[0] == b'.':
        p += 1
        while p < end and b'0' <= p[0] <= b'9' and digits < 10:
            nano = 10 * nano + (p[0] - 48)
            digits += 1
            p += 1
        if not 1 <= digits <= 9:
            return False
        while digits < 9:
            nano *= 10
            digits += 1
    if not (end - p == 1 and p[0] == b'Z') and not (end - p == 6 and memcmp(p, b"+00:00", 6) == 0):
        return False
    # Days from civil (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    year += 100 * century
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - 400 * era
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = 146097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year - 719468
    seconds[0] = <double>((86400 * days + 3600 * hour + 60 * minute + second) * 1000000 + (nano + 500) // 1000) / 1e6
    return True


cdef int _more(int month, int year) noexcept nogil:
    """Days of a month beyond 28."""
    if month == 2:
        return 1 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 0
    return 2 if month == 4 or month == 6 or month == 9 or month == 11 else 3


def line_ends(bytes piece not None):
    """How many there are."""
    cdef const char *p = PyBytes_AS_STRING(piece)
    cdef const char *end = p + PyBytes_GET_SIZE(piece)
    cdef Py_ssize_t count = 0
    while p < end:
        p = <const char *>memchr(p, b"\n", end - p)
        if p == NULL:
            break
        count += 1
        p += 1
    return count
