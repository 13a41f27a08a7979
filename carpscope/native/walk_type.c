/* The type Walk: records of a capture into columns (walk.h), for capture/native.py. */
#include "types.h"

#include "walk.h"

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

PyType_Spec walk_spec = {
    .name = "carpscope._native.Walk",
    .basicsize = sizeof(Walk),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
