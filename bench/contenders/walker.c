/*
 * walker SOURCE BASE TARGET
 *
 * The least that a snapshot by hard links has to do when nothing changed: make each directory of SOURCE in
 * TARGET, look at each entry of SOURCE, link it from BASE. Two processes share the entries at the top.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
  int source, base, target;
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_directory(int parent, const char *name) {
  int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (descriptor < 0) fail(name);
  return descriptor;
}

static struct place enter(struct place parent, const char *source, const char *base, const char *target) {
  if (mkdirat(parent.target, target, 0755) != 0) fail(target);
  return (struct place){
    open_directory(parent.source, source),
    open_directory(parent.base, base),
    open_directory(parent.target, target),
  };
}

static int is_entry(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void link_directory(struct place parent, const char *name);

static void link_entry(struct place at, const char *name) {
  struct stat status;
  if (fstatat(at.source, name, &status, AT_SYMLINK_NOFOLLOW) != 0) fail(name);
  if (S_ISDIR(status.st_mode)) link_directory(at, name);
  else if (linkat(at.base, name, at.target, name, 0) != 0) fail(name);
}

static void link_directory(struct place parent, const char *name) {
  struct place here = enter(parent, name, name, name);
  DIR *entries = fdopendir(here.source);
  if (entries == NULL) fail(name);
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (is_entry(entry)) link_entry(here, entry->d_name);
  closedir(entries);
  close(here.base);
  close(here.target);
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  struct place cwd = { AT_FDCWD, AT_FDCWD, AT_FDCWD };
  struct place top = enter(cwd, arguments[1], arguments[2], arguments[3]);

  struct dirent **entries;
  int entry_count = scandir(arguments[1], &entries, is_entry, NULL);
  if (entry_count < 0) fail(arguments[1]);
  atomic_int *next = mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (next == MAP_FAILED) fail("mmap");

  pid_t child = fork();
  if (child < 0) fail("fork");
  for (int index; (index = atomic_fetch_add(next, 1)) < entry_count;) link_entry(top, entries[index]->d_name);
  if (child == 0) return 0;

  int status;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
