#ifndef VISE_BLAS_SYMBOL_H
#define VISE_BLAS_SYMBOL_H

/// A function of the loaded library by its name, or NULL. Loads the library first.
void *vise_blas_symbol(const char *name);

#endif
