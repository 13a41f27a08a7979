/* The type Cutter: a batch into trains (cut.h), for adverts/native.py. */
#include "types.h"

#include "cut.h"

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

PyType_Spec cutter_spec = {
    .name = "carpscope._native.Cutter",
    .basicsize = sizeof(Cutter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = cutter_slots,
};
