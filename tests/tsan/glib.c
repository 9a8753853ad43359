/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GLib hands data from thread to thread by futexes of its own, which ThreadSanitizer does not know: it would take all that
 * comes through a queue or a pool for a race. So these calls, which the linker turns here (--wrap), tell it what they
 * promise: what was done before a push is done before its pop.
 */
#include <glib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

void __real_g_async_queue_push(GAsyncQueue *queue, gpointer data);
gpointer __real_g_async_queue_try_pop(GAsyncQueue *queue);
GThreadPool *__real_g_thread_pool_new(GFunc function, gpointer user_data, gint max_threads,
				      gboolean exclusive, GError **error);
gboolean __real_g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error);
void __real_g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait);

void __wrap_g_async_queue_push(GAsyncQueue *queue, gpointer data);
gpointer __wrap_g_async_queue_try_pop(GAsyncQueue *queue);
GThreadPool *__wrap_g_thread_pool_new(GFunc function, gpointer user_data, gint max_threads,
				      gboolean exclusive, GError **error);
gboolean __wrap_g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error);
void __wrap_g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait);

/* What a pool was to call; it is never freed, as a thread of the pool may still be about to end. */
typedef struct {
	GFunc function;
	gpointer user_data;
} Work;

void __wrap_g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
	__tsan_release(queue);
	__real_g_async_queue_push(queue, data);
}

gpointer __wrap_g_async_queue_try_pop(GAsyncQueue *queue)
{
	gpointer data = __real_g_async_queue_try_pop(queue);

	__tsan_acquire(queue);
	return data;
}

static void run_work(gpointer data, gpointer user_data)
{
	Work *work = user_data;

	__tsan_acquire(data);
	work->function(data, work->user_data);
	__tsan_release(work);
}

GThreadPool *__wrap_g_thread_pool_new(GFunc function, gpointer user_data, gint max_threads,
				      gboolean exclusive, GError **error)
{
	Work *work = g_new(Work, 1);

	*work = (Work){ function, user_data };
	return __real_g_thread_pool_new(run_work, work, max_threads, exclusive, error);
}

gboolean __wrap_g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
	__tsan_release(data);
	return __real_g_thread_pool_push(pool, data, error);
}

void __wrap_g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
	gpointer work = pool->user_data;

	__real_g_thread_pool_free(pool, immediate, wait);
	if (wait)
		__tsan_acquire(work);
}
