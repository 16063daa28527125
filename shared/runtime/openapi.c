#include "runtime/openapi.h"

/* The assembler reads the file: no step of the build has to turn it into C. The
 * path is from the top of the repository, where the compiler runs. */
__asm__(".pushsection .rodata\n"
        ".global openapi_document, openapi_document_end\n"
        "openapi_document:\n"
        ".incbin \"schemas/openapi.json\"\n"
        "openapi_document_end:\n"
        ".popsection\n");
