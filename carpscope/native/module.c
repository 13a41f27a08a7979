/* The extension carpscope._native: what is read most often, without an object for each packet.
 *
 * It is built against the limited API of Python 3.11 (one build serves every later version) and
 * is optional: carpscope/capture/native.py says whether it is used. But for a search of
 * subsets it holds the GIL while it works, so that no buffer changes under it.
 */
#include "sha1.h"
#include "types.h"
#include "walk.h"

#define INTERFACE_VERSION 5 /* with that of native.py: another build is not used */

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

static PyObject *choose_sha1(PyObject *module, PyObject *args) {
    (void)module;
    int wanted = 0;
    if (!PyArg_ParseTuple(args, "p", &wanted)) return NULL;
    return PyBool_FromLong(sha1_choose(wanted));
}
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
    if (add_type(module, &walk_spec, "Walk") || add_type(module, &verifier_spec, "Verifier") ||
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
