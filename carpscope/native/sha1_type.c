/* The type Verifier, and the search of subsets (sha1.h), for auth/digest.py and auth/search.py. */
#include "types.h"

#include "sha1.h"

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

PyType_Spec verifier_spec = {
    .name = "carpscope._native.Verifier",
    .basicsize = sizeof(Verifier),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = verifier_slots,
};


PyObject *subsets(PyObject *module, PyObject *args) {
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
