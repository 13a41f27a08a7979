/* The extension carpscope._native: what is read most often, without an object for each packet.
 *
 * It is built against the limited API of Python 3.11 (one build serves every later version) and
 * is optional: carpscope/capture/native.py says whether it is used. But for a search of
 * subsets it holds the GIL while it works, so that no buffer changes under it.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#include "cut.h"
#include "sha1.h"
#include "walk.h"

#define INTERFACE_VERSION 5 /* with that of native.py: another build is not used */

typedef struct {
    PyObject_HEAD
    struct walk walk;
    size_t room; /* of the table of interfaces */
    int is_blocks;
    Py_ssize_t count, used; /* packets and bytes of the batch so far */
} Walk;

static PyObject *walk_new(PyTypeObject *type, PyObject *args, PyObject *words) {
    static char *names[] = {"is_blocks", "big", "record", "scale", "link", NULL};
    int is_blocks = 0, big = 0;
    unsigned record = 16, scale = 1, link = 0;
    if (!PyArg_ParseTupleAndKeywords(args, words, "|ppIII", names, &is_blocks, &big, &record,
                                     &scale, &link))
        return NULL;
    if (record < 16 || record > 64 || (scale != 1 && scale != 1000)) {
        PyErr_SetString(PyExc_ValueError, "no record is like that");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Walk *self = (Walk *)allocate(type, 0); /* all zero */
    if (self == NULL) return NULL;
    self->is_blocks = is_blocks;
    self->walk.big = big;
    self->walk.record = record;
    self->walk.scale = scale;
    self->walk.link = link;
    return (PyObject *)self;
}

static void walk_dealloc(Walk *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyMem_Free(self->walk.table);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* A section begins: its order of bytes, and how many interfaces those before it had. */
static PyObject *walk_section(Walk *self, PyObject *args) {
    if (!PyArg_ParseTuple(args, "pI", &self->walk.big, &self->walk.before)) return NULL;
    self->walk.interfaces = 0;
    Py_RETURN_NONE;
}

/* Read an integer of Python; 0 where it does not fit. */
static int fitting(PyObject *number, int64_t *value) {
    int overflow = 0;
    long long read = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow) return 0;
    *value = read;
    return 1;
}

static PyObject *walk_describe(Walk *self, PyObject *args) {
    unsigned link = 0;
    PyObject *scale = NULL, *divisor = NULL, *offset = NULL;
    if (!PyArg_ParseTuple(args, "IO!O!O!", &link, &PyLong_Type, &scale, &PyLong_Type, &divisor,
                          &PyLong_Type, &offset))
        return NULL;
    struct walk *walk = &self->walk;
    if (walk->interfaces == INTERFACES_MOST) {
        PyErr_SetString(PyExc_ValueError, "too many interfaces");
        return NULL;
    }
    if (walk->interfaces == self->room) {
        size_t room = self->room ? self->room * 2 : 8;
        struct interface *table = PyMem_Realloc(walk->table, room * sizeof *table);
        if (table == NULL) return PyErr_NoMemory();
        walk->table = table;
        self->room = room;
    }
    int64_t by = 0, over = 0, plus = 0;
    int fits = fitting(scale, &by) && fitting(divisor, &over) && fitting(offset, &plus);
    if (PyErr_Occurred()) return NULL;
    struct interface *one = &walk->table[walk->interfaces++];
    one->link = link;
    one->fits = fits && by > 0 && over > 0;
    one->scale = (uint64_t)by;
    one->divisor = (uint64_t)over;
    one->offset = plus;
    Py_RETURN_NONE;
}

enum { COLUMNS_WIDTH = 3 * 8 + 3 * 4 };

/* Find the columns of a batch in the memory they lie in; 0, with an exception, where they do not. */
static int laid_out(Walk *self, Py_buffer *columns, Py_buffer *data, struct columns *out) {
    size_t room = (size_t)columns->len / COLUMNS_WIDTH;
    if ((uintptr_t)columns->buf % 8 != 0 || self->count < 0 || (size_t)self->count > room ||
        self->used < 0 || self->used > data->len) {
        PyErr_SetString(PyExc_ValueError, "no such batch");
        return 0;
    }
    out->room = room;
    out->count = (size_t)self->count;
    out->at = columns->buf;
    out->number = (uint64_t *)(out->at + room);
    out->offset = out->number + room;
    out->captured = (uint32_t *)(out->offset + room);
    out->wire = out->captured + room;
    out->interface = out->wire + room;
    out->data = data->buf;
    out->size = (size_t)data->len;
    out->used = (size_t)self->used;
    return 1;
}

/* Walk on from `here`; return why it stopped, and where. */
static PyObject *walk_walk(Walk *self, PyObject *args) {
    Py_buffer from, columns, data;
    Py_ssize_t here = 0;
    if (!PyArg_ParseTuple(args, "y*nw*w*", &from, &here, &columns, &data)) return NULL;
    PyObject *result = NULL;
    struct columns out;
    if (here < 0 || here > from.len)
        PyErr_SetString(PyExc_ValueError, "no such place in the buffer");
    else if (laid_out(self, &columns, &data, &out)) {
        size_t at = (size_t)here;
        enum stop stop = (self->is_blocks ? walk_blocks : walk_records)(
            &self->walk, from.buf, &at, (size_t)from.len, &out);
        self->count = (Py_ssize_t)out.count;
        self->used = (Py_ssize_t)out.used;
        result = Py_BuildValue("in", (int)stop, (Py_ssize_t)at);
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&columns);
    PyBuffer_Release(&data);
    return result;
}

/* Give a packet that the reader in Python has read and counted; False where there is no room. */
static PyObject *walk_give(Walk *self, PyObject *args) {
    Py_buffer packet, columns, data;
    long long at = 0;
    unsigned wire = 0, interface = 0;
    if (!PyArg_ParseTuple(args, "y*LIIw*w*", &packet, &at, &wire, &interface, &columns, &data))
        return NULL;
    PyObject *result = NULL;
    struct columns out;
    if ((uint64_t)packet.len > UINT32_MAX)
        PyErr_SetString(PyExc_ValueError, "no packet is that long");
    else if (laid_out(self, &columns, &data, &out)) {
        int is_given = give_packet(&self->walk, packet.buf, at, (uint32_t)packet.len, wire,
                                   interface, &out);
        self->count = (Py_ssize_t)out.count;
        self->used = (Py_ssize_t)out.used;
        result = PyBool_FromLong(is_given);
    }
    PyBuffer_Release(&packet);
    PyBuffer_Release(&columns);
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef methods[] = {
    {"section", (PyCFunction)walk_section, METH_VARARGS, NULL},
    {"describe", (PyCFunction)walk_describe, METH_VARARGS, NULL},
    {"walk", (PyCFunction)walk_walk, METH_VARARGS, NULL},
    {"give", (PyCFunction)walk_give, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#define COUNTER(name, kind) {#name, kind, offsetof(Walk, walk.name), 0, NULL}
static PyMemberDef members[] = {
    COUNTER(number, T_ULONGLONG),
    COUNTER(late, T_ULONGLONG),
    COUNTER(snapped, T_ULONGLONG),
    COUNTER(left_out, T_ULONGLONG),
    COUNTER(comments, T_ULONGLONG),
    COUNTER(lost, T_ULONGLONG),
    COUNTER(first, T_LONGLONG),
    COUNTER(last, T_LONGLONG),
    COUNTER(begun, T_INT),
    COUNTER(has_lost, T_INT),
    COUNTER(selects, T_INT),
    {"count", T_PYSSIZET, offsetof(Walk, count), 0, NULL},
    {"used", T_PYSSIZET, offsetof(Walk, used), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, walk_new},
    {Py_tp_dealloc, walk_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "carpscope._native.Walk",
    .basicsize = sizeof(Walk),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

typedef struct {
    PyObject_HEAD
    struct verifier verifier;
} Verifier;

static PyObject *verifier_new(PyTypeObject *type, PyObject *args, PyObject *words) {
    Py_buffer key, message;
    static char *names[] = {"key", "message", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, words, "y*y*", names, &key, &message)) return NULL;
    Verifier *self = NULL;
    if (key.len > SHA1_BLOCK)
        PyErr_SetString(PyExc_ValueError, "a CARP key has at most 20 bytes");
    else {
        allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (Verifier *)allocate(type, 0);
        if (self != NULL)
            verifier_begin(&self->verifier, key.buf, (size_t)key.len, message.buf,
                           (size_t)message.len);
    }
    PyBuffer_Release(&key);
    PyBuffer_Release(&message);
    return (PyObject *)self;
}

static void verifier_dealloc(Verifier *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Return how many of so many rows verify before one that does not. */
static PyObject *verifier_method(Verifier *self, PyObject *args) {
    Py_buffer rows;
    Py_ssize_t first = 0, count = 0;
    if (!PyArg_ParseTuple(args, "y*nn", &rows, &first, &count)) return NULL;
    PyObject *result = NULL;
    if (first < 0 || count < 0 || first > rows.len / SIGNED_SIZE ||
        count > rows.len / SIGNED_SIZE - first)
        PyErr_SetString(PyExc_ValueError, "no such rows");
    else {
        const uint8_t *from = (const uint8_t *)rows.buf + first * SIGNED_SIZE;
        result = PyLong_FromSize_t(verifier_verifies(&self->verifier, from, (size_t)count));
    }
    PyBuffer_Release(&rows);
    return result;
}

static PyMethodDef verifier_methods[] = {
    {"verifies", (PyCFunction)verifier_method, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot verifier_slots[] = {
    {Py_tp_new, verifier_new},
    {Py_tp_dealloc, verifier_dealloc},
    {Py_tp_methods, verifier_methods},
    {0, NULL},
};

static PyType_Spec verifier_spec = {
    .name = "carpscope._native.Verifier",
    .basicsize = sizeof(Verifier),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = verifier_slots,
};

/* Lay out as columns what pcapy says of packets: seconds, microseconds, offset and length. */
static PyObject *kernel_columns(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer meta;
    unsigned long long first = 0;
    unsigned snaplen = 0;
    if (!PyArg_ParseTuple(args, "y*KI", &meta, &first, &snaplen)) return NULL;
    size_t count = (size_t)meta.len / 16;
    PyObject *made = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(count * COLUMNS_WIDTH));
    if (made != NULL) {
        int64_t *at = (void *)PyByteArray_AsString(made);
        uint64_t *number = (uint64_t *)(at + count), *offset = number + count;
        uint32_t *captured = (uint32_t *)(offset + count), *wire = captured + count;
        memset(wire + count, 0, count * 4); /* of one interface */
        for (size_t row = 0; row < count; row++) {
            uint32_t packet[4];
            memcpy(packet, (const uint8_t *)meta.buf + row * 16, 16);
            at[row] = (int64_t)packet[0] * 1000000000 + (int64_t)packet[1] * 1000;
            number[row] = first + row;
            offset[row] = packet[2];
            captured[row] = packet[3];
            /* no length on the wire is told; a whole frame is as long as it is */
            wire[row] = packet[3] < snaplen || packet[3] > 65535 ? packet[3] : 65535;
        }
    }
    PyBuffer_Release(&meta);
    return made;
}

/* Try subsets of addresses; return how many there were, and the bits of those that verify. */
static PyObject *subsets(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer key, message, addresses, widths, row;
    Py_ssize_t room = 0;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*n", &key, &message, &addresses, &widths, &row, &room))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t size = 0;
    for (Py_ssize_t at = 0; at < widths.len; at++) size += ((const uint8_t *)widths.buf)[at];
    if (key.len > SHA1_BLOCK || widths.len > SUBSETS_OF_MOST || size != addresses.len ||
        row.len != SIGNED_SIZE)
        PyErr_SetString(PyExc_ValueError, "no such search");
    else {
        struct verifier verifier;
        uint32_t found = 0;
        size_t done = 0;
        verifier_begin(&verifier, key.buf, (size_t)key.len, message.buf, (size_t)message.len);
        Py_BEGIN_ALLOW_THREADS /* a live run listens meanwhile */
        done = verifier_subsets(&verifier, addresses.buf, widths.buf, (size_t)widths.len, row.buf,
                                room < 0 ? 0 : (size_t)room, &found);
        Py_END_ALLOW_THREADS
        result = Py_BuildValue("nI", (Py_ssize_t)done, found);
    }
    PyBuffer_Release(&key);
    PyBuffer_Release(&message);
    PyBuffer_Release(&addresses);
    PyBuffer_Release(&widths);
    PyBuffer_Release(&row);
    return result;
}

static PyObject *choose_sha1(PyObject *module, PyObject *args) {
    (void)module;
    int wanted = 0;
    if (!PyArg_ParseTuple(args, "p", &wanted)) return NULL;
    return PyBool_FromLong(sha1_choose(wanted));
}

typedef struct {
    PyObject_HEAD
    struct cutter *cutter; /* some 10 MB, of which only what is used is ever touched */
} Cutter;

static PyObject *cutter_new(PyTypeObject *type, PyObject *args, PyObject *words) {
    static char *names[] = {"window", NULL};
    long long window = 0;
    if (!PyArg_ParseTupleAndKeywords(args, words, "L", names, &window)) return NULL;
    PyObject *text = PyUnicode_FromString("carpscope"); /* nobody outside knows its hash */
    if (text == NULL) return NULL;
    Py_hash_t seed = PyObject_Hash(text);
    Py_DECREF(text);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Cutter *self = (Cutter *)allocate(type, 0);
    if (self == NULL) return NULL;
    self->cutter = calloc(1, sizeof *self->cutter);
    if (self->cutter == NULL) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    self->cutter->window = window < 0 ? 0 : window;
    self->cutter->seed = (uint64_t)seed;
    return (PyObject *)self;
}

static void cutter_dealloc(Cutter *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->cutter);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Give the least and the most time between neighbours; None where 64 bits are too few. */
static PyObject *span_given(const struct cutter *cutter, const struct batch *batch,
                            const struct train *train) {
    int64_t shortest = train->count > 1 ? INT64_MAX : 0, longest = train->count > 1 ? INT64_MIN : 0;
    for (uint32_t row = train->first; row != train->last;) {
        uint32_t next = cutter->next_row[row];
        int64_t gap;
        if (__builtin_sub_overflow(batch->at[next], batch->at[row], &gap)) Py_RETURN_NONE;
        if (gap < shortest) shortest = gap;
        if (gap > longest) longest = gap;
        row = next;
    }
    return Py_BuildValue("LL", (long long)shortest, (long long)longest);
}

/* Give a train as (sender, kind, rows, times, numbers, what moves, copies, span). */
static PyObject *train_given(const struct cutter *cutter, const struct batch *batch,
                             const struct train *train) {
    Py_ssize_t count = train->count;
    PyObject *parts[4] = {
        PyBytes_FromStringAndSize(NULL, count * 4), PyBytes_FromStringAndSize(NULL, count * 8),
        PyBytes_FromStringAndSize(NULL, count * 8),
        PyBytes_FromStringAndSize(NULL, count * MOVING_SIZE)};
    PyObject *copies = PyList_New(train->copies), *result = NULL;
    if (parts[0] && parts[1] && parts[2] && parts[3] && copies) {
        char *into[4];
        for (int part = 0; part < 4; part++) into[part] = PyBytes_AsString(parts[part]);
        for (uint32_t row = train->first, at = 0; at < train->count; at++) {
            memcpy(into[0] + at * 4, &row, 4);
            memcpy(into[1] + at * 8, batch->at + row, 8);
            memcpy(into[2] + at * 8, batch->number + row, 8);
            cutter_moving(batch, row, train->version, (uint8_t *)into[3] + at * MOVING_SIZE);
            row = cutter->next_row[row];
        }
        int failed = 0;
        for (uint32_t row = train->first_copy, at = 0; at < train->copies; at++) {
            PyObject *copy = Py_BuildValue("II", (unsigned)cutter->place[row], (unsigned)row);
            failed |= copy == NULL || PyList_SetItem(copies, at, copy) < 0;
            row = cutter->next_row[row];
        }
        if (!failed)
            result = Py_BuildValue("KiOOOOON", (unsigned long long)train->sender, (int)train->kind,
                                   parts[0], parts[1], parts[2], parts[3], copies,
                                   span_given(cutter, batch, train));
    }
    for (int part = 0; part < 4; part++) Py_XDECREF(parts[part]);
    Py_XDECREF(copies);
    return result;
}

/* Give what a batch was cut into, by first rows; a row that comes alone is given as its index. */
static PyObject *units_given(const struct cutter *cutter, const struct batch *batch) {
    PyObject *units = PyList_New(0);
    for (uint32_t row = 0; units != NULL && row < batch->count; row++) {
        if (cutter->unit[row] == NO_ROW) continue;
        const struct train *train = NULL;
        if (cutter->unit[row] != LOOSE) train = &cutter->train[cutter->unit[row]];
        int alone = train == NULL || (train->count == 1 && !train->copies && !train->is_seen);
        PyObject *unit = alone ? PyLong_FromUnsignedLong(row) : train_given(cutter, batch, train);
        if (unit == NULL || PyList_Append(units, unit) < 0) Py_CLEAR(units);
        Py_XDECREF(unit);
    }
    return units;
}

/* Tell whether every packet lies within the data and has a link type. */
static int is_whole(const struct batch *batch, uint64_t size, size_t links) {
    for (size_t row = 0; row < batch->count; row++)
        if (batch->offset[row] > size || batch->captured[row] > size - batch->offset[row] ||
            batch->interface[row] >= links)
            return 0;
    return 1;
}

static PyObject *cutter_method(Cutter *self, PyObject *args) {
    Py_buffer columns, data, links;
    Py_ssize_t count = 0;
    unsigned capture = 0;
    if (!PyArg_ParseTuple(args, "y*ny*y*I", &columns, &count, &data, &links, &capture)) return NULL;
    PyObject *units = NULL;
    size_t room = (size_t)columns.len / COLUMNS_WIDTH;
    struct batch batch = {.count = (size_t)count, .data = data.buf, .links = links.buf,
                          .capture = capture};
    batch.at = columns.buf;
    batch.number = (const uint64_t *)(batch.at + room);
    batch.offset = batch.number + room;
    batch.captured = (const uint32_t *)(batch.offset + room);
    batch.wire = batch.captured + room;
    batch.interface = batch.wire + room;
    if (count < 0 || (size_t)count > room || count > ROWS_MOST ||
        (uintptr_t)columns.buf % 8 != 0 || (uintptr_t)links.buf % 4 != 0 ||
        !is_whole(&batch, (uint64_t)data.len, (size_t)links.len / 4))
        PyErr_SetString(PyExc_ValueError, "no such batch");
    else {
        cutter_cut(self->cutter, &batch);
        units = units_given(self->cutter, &batch);
    }
    PyBuffer_Release(&columns);
    PyBuffer_Release(&data);
    PyBuffer_Release(&links);
    return units;
}

static PyMethodDef cutter_methods[] = {
    {"cut", (PyCFunction)cutter_method, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot cutter_slots[] = {
    {Py_tp_new, cutter_new},
    {Py_tp_dealloc, cutter_dealloc},
    {Py_tp_methods, cutter_methods},
    {0, NULL},
};

static PyType_Spec cutter_spec = {
    .name = "carpscope._native.Cutter",
    .basicsize = sizeof(Cutter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = cutter_slots,
};

static PyObject *left_out(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer frame;
    if (!PyArg_ParseTuple(args, "y*", &frame)) return NULL;
    int answer = is_left_out(frame.buf, (size_t)frame.len);
    PyBuffer_Release(&frame);
    return PyBool_FromLong(answer);
}

static PyMethodDef functions[] = {
    {"left_out", left_out, METH_VARARGS, NULL},
    {"kernel_columns", kernel_columns, METH_VARARGS, NULL},
    {"choose_sha1", choose_sha1, METH_VARARGS, NULL},
    {"subsets", subsets, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *from, const char *name) {
    PyObject *type = PyType_FromSpec(from);
    if (type == NULL) return -1;
    int failed = PyModule_AddObjectRef(module, name, type);
    Py_DECREF(type);
    return failed;
}

static int fill(PyObject *module) {
    sha1_choose(1);
    if (add_type(module, &spec, "Walk") || add_type(module, &verifier_spec, "Verifier") ||
        add_type(module, &cutter_spec, "Cutter"))
        return -1;
    return PyModule_AddIntConstant(module, "INTERFACE", INTERFACE_VERSION);
}

static PyModuleDef_Slot parts[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "carpscope._native",
    .m_methods = functions,
    .m_slots = parts,
};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&module);
}
