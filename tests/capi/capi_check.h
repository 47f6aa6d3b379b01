/* Checks of the C ABI's tests. A failed one is told with its place and counted; REQUIRE ends the program. */
#ifndef CAPI_CHECK_H
#define CAPI_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <trunkline/trunkline.h>

void checked(int fine, const char* what, const char* file, int line);
void checked_int(int64_t is, int64_t should, const char* what, const char* file, int line);
void checked_text(const char* is, const char* should, const char* what, const char* file, int line);
/* Also releases the error; its message is told where the status is another one. */
void checked_status(tl_status is, tl_status should, tl_error* err, const char* what, const char* file, int line);
void require_failed(const char* what, const char* file, int line);
int count_of_checks(void);
int count_of_failures(void);

#define CHECK(what) checked((what) != 0, #what, __FILE__, __LINE__)
#define CHECK_INT(is, should) checked_int((is), (should), #is, __FILE__, __LINE__)
#define CHECK_TEXT(is, should) checked_text((is), (should), #is, __FILE__, __LINE__)
#define CHECK_STATUS(is, should) checked_status((is), (should), NULL, #is, __FILE__, __LINE__)
#define REQUIRE(what)                                       \
  do {                                                      \
    if (!(what)) require_failed(#what, __FILE__, __LINE__); \
  } while (0)

/* call(…, &err) with a tl_error *err in scope that is NULL. A failure must have told an error of that status, with a
 * message; a success must have left err alone. */
#define EXPECT(status, call)                                                 \
  do {                                                                       \
    const tl_status expect_status = (call);                                  \
    checked_status(expect_status, (status), err, #call, __FILE__, __LINE__); \
    err = NULL;                                                              \
  } while (0)
#define OK(call) EXPECT(TL_OK, call)

#endif
