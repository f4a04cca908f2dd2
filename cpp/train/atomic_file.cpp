#include "train/atomic_file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>
#ifndef _WIN32
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#include <fcntl.h>
#include <io.h>
#include <sys/stat.h>
#endif

namespace densekit {
namespace {

namespace fs = std::filesystem;
using Write = std::function<void(const Put&)>;

std::string text_of(const fs::path& path) {
#ifdef _WIN32
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
#else
  return path.string();
#endif
}

// fresh: a file that is not there yet.
std::FILE* open_to_write(const fs::path& path, bool fresh) {
#ifdef _WIN32  // names of any characters; a child process gets no handle of it; its fopen does not know "x"
  const int file =
      _wopen(path.c_str(), _O_WRONLY | _O_CREAT | (fresh ? _O_EXCL : _O_TRUNC) | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE);
  return file < 0 ? nullptr : _fdopen(file, "wb");
#else
  return std::fopen(path.c_str(), fresh ? "wbx" : "wb");
#endif
}

[[noreturn]] void failed(const fs::path& path, const char* what) {
  throw std::system_error(errno, std::generic_category(), std::string(what) + " " + text_of(path));
}

fs::path temporary_name(const fs::path& folder, int number) { return folder / (".densekit-" + std::to_string(number) + ".tmp"); }

// A C stream that closes itself.
class Stream {
 public:
  explicit Stream(std::FILE* file) : file_(file) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { close(); }
  std::FILE* get() const { return file_; }
  bool close() { return !file_ || std::fclose(std::exchange(file_, nullptr)) == 0; }

 private:
  std::FILE* file_;
};

void write_all(std::FILE* file, const fs::path& path, const Write& write) {
  write([&](const void* data, std::size_t bytes) {
    if (std::fwrite(data, 1, bytes, file) != bytes) failed(path, "cannot write");
  });
  if (std::fflush(file) != 0) failed(path, "cannot write");
}

void write_as_it_is(const fs::path& path, const Write& write) {
  Stream file(open_to_write(path, false));
  if (!file.get()) failed(path, "cannot open");
  write_all(file.get(), path, write);
  if (!file.close()) failed(path, "cannot write");
}

#ifndef _WIN32

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (file_ >= 0) close(file_);
  }
  int get() const { return file_; }
  int release() { return std::exchange(file_, -1); }

 private:
  int file_;
};

// As long as the process lives. A file system without locks: nobody removes anything there.
bool locked(int file) { return flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

// Temporary files whose writers are no more.
void remove_leftovers(const fs::path& folder) {
  constexpr int always = 8;  // names that are looked at in any case
  for (int number = 0;; ++number) {
    const fs::path name = temporary_name(folder, number);
    const Descriptor file(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0) {
      if (number < always) continue;
      return;
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;  // its writer lives
    // Who holds the lock of the file that has this name is the only one who may take the name away.
    struct stat mine{}, named{};
    if (fstat(file.get(), &mine) == 0 && lstat(name.c_str(), &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
      unlink(name.c_str());
  }
}

void own(int file, const struct stat& old, const fs::path& path) {
  mode_t mode = old.st_mode & 07777;
  struct stat mine{};
  if (fstat(file, &mine) != 0) failed(path, "cannot write");
  if (mine.st_uid != old.st_uid || mine.st_gid != old.st_gid) {
    if (fchown(file, old.st_uid, old.st_gid) != 0) {  // only root may give files away
      mode &= static_cast<mode_t>(~(S_ISUID | S_ISGID));
      [[maybe_unused]] const int group = fchown(file, static_cast<uid_t>(-1), old.st_gid);
    }
  }
  if (fchmod(file, mode) != 0) failed(path, "cannot give its permissions to");
}

// Everything, with permissions and owner of the old file, on the disk. The descriptor stays open, and with it the lock.
void write_to(int file, const fs::path& target, const struct stat* old, const Write& write) {
  if (old) own(file, *old, target);
  const int another = dup(file);
  Stream stream(another < 0 ? nullptr : fdopen(another, "wb"));
  if (!stream.get()) {
    const int error = errno;
    if (another >= 0) close(another);
    errno = error;
    failed(target, "cannot write");
  }
  write_all(stream.get(), target, write);
  if (fsync(file) != 0 || !stream.close()) failed(target, "cannot bring to the disk");
}

// Removes the file of that name unless it was renamed.
class Temporary {
 public:
  explicit Temporary(fs::path name) : name_(std::move(name)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!name_.empty()) unlink(name_.c_str());
  }
  void rename_to(const fs::path& target) {
    if (rename(name_.c_str(), target.c_str()) != 0) failed(target, "cannot give its name to");
    name_.clear();
  }

 private:
  fs::path name_;
};

// False if the system has no files without a name, or cannot name them later.
bool through_nameless_file(const fs::path& target, const struct stat* old, const Write& write) {
#ifdef O_TMPFILE
  const fs::path folder = target.parent_path();
  const Descriptor file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (file.get() < 0) return false;
  locked(file.get());
  write_to(file.get(), target, old, write);
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  for (int number = 0;; ++number) {
    const fs::path name = temporary_name(folder, number);
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno == EEXIST) continue;
      return false;
    }
    Temporary(name).rename_to(target);
    return true;
  }
#else
  (void)target, (void)old, (void)write;
  return false;
#endif
}

void through_named_file(const fs::path& target, const struct stat* old, const Write& write) {
  for (int number = 0;; ++number) {
    const fs::path name = temporary_name(target.parent_path(), number);
    const Descriptor file(open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.get() < 0 && errno == EEXIST) continue;
    if (file.get() < 0) failed(name, "cannot make the file");
    struct stat mine{};  // between open and lock somebody may have taken it for a leftover
    if (!locked(file.get()) || fstat(file.get(), &mine) != 0 || mine.st_nlink == 0) continue;
    Temporary temporary(name);
    write_to(file.get(), target, old, write);
    temporary.rename_to(target);
    return;
  }
}

// So that a new name survives a power cut.
void synchronize_folder(const fs::path& folder) {
  const Descriptor file(open(folder.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) failed(folder, "cannot open the folder");
  if (fsync(file.get()) != 0) failed(folder, "cannot bring to the disk the folder");
}

void write_regular(const fs::path& target, const Write& write) {
  struct stat found{};
  const struct stat* old = stat(target.c_str(), &found) == 0 ? &found : nullptr;
  if (!old && errno != ENOENT) failed(target, "cannot write");
  remove_leftovers(target.parent_path());
  if (!through_nameless_file(target, old, write)) through_named_file(target, old, write);
  synchronize_folder(target.parent_path());
}

#else

void write_regular(const fs::path& target, const Write& write) {
  for (int number = 0;; ++number) {
    const fs::path name = temporary_name(target.parent_path(), number);
    Stream file(open_to_write(name, true));
    if (!file.get() && errno == EEXIST) continue;
    if (!file.get()) failed(name, "cannot make the file");
    try {
      write_all(file.get(), name, write);
      if (_commit(_fileno(file.get())) != 0 || !file.close()) failed(name, "cannot write");
      fs::rename(name, target);
    } catch (...) {
      file.close();
      std::error_code none;
      fs::remove(name, none);
      throw;
    }
    return;
  }
}

#endif

}  // namespace

std::filesystem::path path_of(const std::string& text) {
#ifdef _WIN32
  return std::u8string(text.begin(), text.end());
#else
  return text;
#endif
}

void write_atomically(const std::string& path, const Write& write) {
  if (path.empty()) throw std::invalid_argument("the name of the file is empty");
  const fs::path target = fs::weakly_canonical(fs::absolute(path_of(path)));  // a symbolic link stays one
  std::error_code none;
  const fs::file_status old = fs::status(target, none);
  if (fs::exists(old) && !fs::is_regular_file(old)) write_as_it_is(target, write);
  else write_regular(target, write);
}

}  // namespace densekit
