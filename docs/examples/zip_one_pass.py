"""`wheel`, with a ZipFile.writestr that goes over the archive once: `zip_one_pass.py pack DIRECTORY -d OUT`.

What it leaves out of zipfile's: members above 2 GiB, directories, and what is no ZipInfo; wheel's pack has none.
"""

import zipfile
import zlib

from wheel.__main__ import main


def writestr(self, zinfo, data, compress_type=None, compresslevel=None):
    """The data is there whole, so its header is right the first time: no seek back to write it again."""
    zinfo.file_size = len(data)
    zinfo.CRC = zlib.crc32(data)
    if zinfo.compress_type == zipfile.ZIP_DEFLATED:
        deflate = zlib.compressobj(-1, zlib.DEFLATED, -15)
        data = deflate.compress(data) + deflate.flush()
    zinfo.compress_size = len(data)
    zinfo.header_offset = self.start_dir
    self._writecheck(zinfo)
    self._didModify = True
    header = zinfo.FileHeader()
    self.fp.write(header + data)
    self.start_dir += len(header) + len(data)
    self.filelist.append(zinfo)
    self.NameToInfo[zinfo.filename] = zinfo


zipfile.ZipFile.writestr = writestr
main()
