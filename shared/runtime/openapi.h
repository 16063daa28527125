/*
 * schemas/openapi.json, the document of all HTTP requests of all services: the
 * file's bytes as they were when the program was built. Any thread.
 */
#pragma once

extern const char openapi_document[];     /* not terminated */
extern const char openapi_document_end[]; /* behind the last byte */
