/* What the files of the extension that know Python share. */
#ifndef CARPSCOPE_TYPES_H
#define CARPSCOPE_TYPES_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

/* Bytes of a row of a batch, in columns: time, number, offset; captured, on the wire, interface. */
enum { COLUMNS_WIDTH = 3 * 8 + 3 * 4 };

extern PyType_Spec walk_spec, verifier_spec, cutter_spec;

/* Try subsets of addresses; return how many there were, and the bits of those that verify. */
PyObject *subsets(PyObject *module, PyObject *args);

#endif
